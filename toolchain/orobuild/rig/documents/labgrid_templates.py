"""labgrid/*.yaml: environments for `orobuild rig run --env`, one for each kind of place.

A template that needs to be told something has `!template` with LG_ variables, labgrid's own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orobuild.rig.index import Index

DRIVERS: Final = "orobuild.rig.lab.drivers"
"""What an environment imports: the drivers and the strategy that labgrid does not have."""

_QEMU: Final = """\
# QEMU machines as places: to see that all of it works, before there is a rack.
#
#   orobuild rig run BUNDLE.zip --env qemu.yaml
#
# Every target is a machine; all are run, several at a time with -j.
imports:
  - {drivers}
targets:
  bios:
    drivers:
      - BundleQEMUDriver:
          firmware: bios
          cores: {cores}
          memory: {memory}
      - BundleStrategy:
          method: usb
"""
_QEMU_UEFI: Final = """\
  uefi:
    drivers:
      - BundleQEMUDriver:
          firmware: uefi
          cores: {cores}
          memory: {memory}
      - BundleStrategy:
          method: usb
"""
_MUX: Final = """\
# A machine on this desk that starts from a stick behind a USB-SD-Mux, with its serial port on a USB
# adapter and its power behind a switch that labgrid knows (many others: labgrid's documentation).
#
#   LG_SERIAL=usb-0:1.2:1.0 LG_SDMUX=usb-0:1.3 LG_POWER=http://switch/relay/0/value \\
#     orobuild rig run BUNDLE.zip --env usb-sd-mux.yaml
imports:
  - {drivers}
targets:
  main:
    resources:
      USBSerialPort:
        match:
          ID_PATH: !template "$LG_SERIAL"
        speed: {speed}
      USBSDMuxDevice:
        match:
          ID_PATH: !template "$LG_SDMUX"
      NetworkPowerPort:
        model: rest
        host: !template "$LG_POWER"
        index: 0
    drivers:
      - SerialDriver: {{}}
      - NetworkPowerDriver: {{}}
      - USBSDMuxDriver: {{}}
      - USBStorageDriver: {{}}
      - BundleStrategy:
          method: usb
"""
_NETWORK: Final = """\
# A machine that starts from the network: what the TFTP server serves is replaced, the machine is switched
# on, and its firmware fetches it. DHCP must name the boot file ({program} in LG_TFTP_DIRECTORY).
#
#   LG_SERIAL=usb-0:1.2:1.0 LG_TFTP_DIRECTORY=/srv/tftp/ LG_POWER=http://switch/relay/0/value \\
#     orobuild rig run BUNDLE.zip --env network.yaml
imports:
  - {drivers}
targets:
  main:
    resources:
      USBSerialPort:
        match:
          ID_PATH: !template "$LG_SERIAL"
        speed: {speed}
      TFTPProvider:
        internal: !template "$LG_TFTP_DIRECTORY"
        external: ""
      NetworkPowerPort:
        model: rest
        host: !template "$LG_POWER"
        index: 0
    drivers:
      - SerialDriver: {{}}
      - NetworkPowerDriver: {{}}
      - TFTPProviderDriver: {{}}
      - BundleStrategy:
          method: pxe
"""
_REMOTE: Final = """\
# A place of a labgrid coordinator: its serial port, power and medium are wherever its exporter is.
#
#   export LG_COORDINATOR=HOST:20408 LG_PLACE=nuc
#   labgrid-client -p $LG_PLACE acquire
#   orobuild rig run BUNDLE.zip --env remote.yaml
#   labgrid-client -p $LG_PLACE release
imports:
  - {drivers}
targets:
  main:
    resources:
      RemotePlace:
        name: !template "$LG_PLACE"
    drivers:
      - SerialDriver: {{}}
      - NetworkPowerDriver: {{}}
      - USBSDMuxDriver: {{}}
      - USBStorageDriver: {{}}
      - BundleStrategy:
          method: usb
"""


def files(index: Index, *, cores: int, memory_mib: int) -> dict[str, bytes]:
    """The templates by file name. What the bundle cannot do has none."""
    methods = {method.method: method for method in index.boot}
    facts = {
        "drivers": DRIVERS,
        "cores": cores,
        "memory": f"{memory_mib}M",
        "speed": index.serial.speed,
    }
    made: dict[str, str] = {}
    if "usb" in methods:
        qemu = _QEMU + (_QEMU_UEFI if "uefi" in methods["usb"].firmware else "")
        made["qemu.yaml"] = qemu.format(**facts)
        made["usb-sd-mux.yaml"] = _MUX.format(**facts)
        made["remote.yaml"] = _REMOTE.format(**facts)
    if "pxe" in methods:
        program = methods["pxe"].file.rpartition("/")[2]
        made["network.yaml"] = _NETWORK.format(program=program, **facts)
    return {f"labgrid/{name}": text.encode() for name, text in made.items()}
