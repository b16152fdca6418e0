"""OBJ: what a relocatable object already shows, before anything is linked."""
