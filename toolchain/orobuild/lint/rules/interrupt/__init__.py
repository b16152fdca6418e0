"""IDT: the contract between the processor, the interrupt stubs and the code behind them."""
