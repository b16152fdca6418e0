"""OVA: a machine that VMware and VirtualBox import: OVF description, checksums, and a stream VMDK.

Source: DMTF DSP0243 (OVF 1.1). The archive is ustar with neither owner nor time of its own.
"""

from __future__ import annotations

import hashlib
from html import escape  # xml.sax.saxutils brings half of the network library along
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.image import vmdk
from orobuild.image.extents import Extents
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.image.extents import Buffer

_BLOCK: Final = 512
_RECORD: Final = 20 * _BLOCK
_MAX_MEMBER: Final = 8 << 30
MAGIC: Final = b"ustar"
MAGIC_AT: Final = 257


@dataclass(frozen=True, slots=True)
class Appliance:
    """What the machine is to have."""

    name: str
    cores: int = 4
    memory_mib: int = 256
    version: str = ""


def pack(disk: Extents, appliance: Appliance, *, timestamp: int = 0) -> Extents:
    """The OVA of a disk. `timestamp` in seconds since 1970, for the archive's members."""
    name = appliance.name
    if not name or len(name.encode()) > 80 or set(name) & set('/\\"\0') or not name.isprintable():
        raise InputError(error(f"'{name}' cannot be a virtual machine's name in an OVA"))
    disk_name = f"{name}-disk1.vmdk"
    packed = vmdk.pack(disk, name=disk_name, stream=True)
    allocated = sum(len(block) for _, block in disk.blocks(1 << 16))
    ovf = _ovf(appliance, disk_name, packed.size, disk.size, allocated).encode()
    sums = f"SHA256({name}.ovf)= {hashlib.sha256(ovf).hexdigest()}\n"
    sums += f"SHA256({disk_name})= {packed.sha256()}\n"
    members = (
        (f"{name}.ovf", Extents.of(ovf)),
        (f"{name}.mf", Extents.of(sums.encode())),
        (disk_name, packed),
    )
    parts: list[tuple[int, Buffer]] = []
    at = 0
    for member, contents in members:
        parts.append((at, _tar_header(member, contents.size, timestamp)))
        parts.extend(contents.placed(at + _BLOCK))
        at += _BLOCK + -(-contents.size // _BLOCK) * _BLOCK
    return Extents.collect(-(-(at + 2 * _BLOCK) // _RECORD) * _RECORD, parts)


def _tar_header(name: str, size: int, timestamp: int) -> bytes:
    if size >= _MAX_MEMBER:
        raise InputError(error(f"'{name}' would have {size} bytes, ustar takes less than 8 GiB"))
    header = bytearray(_BLOCK)
    for at, text in (
        (0, name.encode()),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"%011o\0" % size),
        (136, b"%011o\0" % min(max(timestamp, 0), 0o77777777777)),
        (148, b"        "),
        (156, b"0"),
        (257, b"ustar\00000"),
    ):
        header[at : at + len(text)] = text
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _item(number: int, kind: int, name: str, *more: str) -> str:
    """An `Item`; its elements stand in the order of the alphabet, as the schema demands."""
    elements = {
        "ElementName": escape(name),
        "InstanceID": str(number),
        "ResourceType": str(kind),
        **dict(pair.split("=", 1) for pair in more),
    }
    lines = "".join(
        f"        <rasd:{key}>{elements[key]}</rasd:{key}>\n" for key in sorted(elements)
    )
    return f"      <Item>\n{lines}      </Item>\n"


def _ovf(appliance: Appliance, disk: str, file_size: int, capacity: int, allocated: int) -> str:
    name = escape(appliance.name)
    memory = f"VirtualQuantity={appliance.memory_mib}"
    product = ""
    if appliance.version:
        product = (
            "    <ProductSection>\n      <Info>Product</Info>\n"
            f"      <Product>{escape(appliance.name)}</Product>\n"
            f"      <Version>{escape(appliance.version)}</Version>\n    </ProductSection>\n"
        )
    items = (
        _item(1, 3, f"{appliance.cores} processors", f"VirtualQuantity={appliance.cores}")
        + _item(2, 4, f"{appliance.memory_mib} MiB", memory, "AllocationUnits=byte * 2^20")
        + _item(3, 5, "IDE controller 0", "Address=0", "ResourceSubType=PIIX4")
        + _item(4, 17, "Disk 1", "AddressOnParent=0", "HostResource=ovf:/disk/vmdisk1", "Parent=3")
    )
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
    xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
    xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
    xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
    xmlns:vmw="http://www.vmware.com/schema/ovf">
  <References>
    <File ovf:id="file1" ovf:href="{escape(disk)}" ovf:size="{file_size}"/>
  </References>
  <DiskSection>
    <Info>Disks</Info>
    <Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:capacity="{capacity}"
        ovf:capacityAllocationUnits="byte" ovf:populatedSize="{allocated}"
        ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <VirtualSystem ovf:id="{name}">
    <Info>A virtual machine</Info>
    <Name>{escape(appliance.name)}</Name>
    <OperatingSystemSection ovf:id="102" vmw:osType="otherGuest64">
      <Info>Operating system</Info>
      <Description>Other 64-bit</Description>
    </OperatingSystemSection>
{product}    <VirtualHardwareSection>
      <Info>Virtual hardware</Info>
      <System>
        <vssd:ElementName>Virtual hardware family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>{escape(appliance.name)}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-08 virtualbox-2.2</vssd:VirtualSystemType>
      </System>
{items}    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""


def members(file: Extents, path: str) -> dict[str, Extents]:
    """The archive's members. Raises `InputError` where it is damaged."""
    found: dict[str, Extents] = {}
    at = 0
    while True:
        header = file.read(at, _BLOCK)
        if len(header) < _BLOCK:
            raise InputError(error("OVA: truncated: the archive has no end", Span(path)))
        if not any(header):
            return found
        try:
            size = int(header[124:136].strip(b"\0 ") or b"0", 8)
            check = int(header[148:156].strip(b"\0 ") or b"0", 8)
        except ValueError:
            size = check = -1
        if check != sum(header[:148] + b" " * 8 + header[156:]) or size < 0:
            message = f"OVA: the header at byte {at} does not match its checksum"
            raise InputError(error(message, Span(path)))
        name = header[:100].rstrip(b"\0").decode("utf-8", "replace")
        contents = file.section(at + _BLOCK, size)
        if contents.size < size:
            raise InputError(error(f"OVA: truncated: '{name}' is not whole", Span(path)))
        found[name] = contents
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK


def unpack(file: Extents, path: str) -> Extents:
    """The disk in an OVA, after its checksums have been compared. Raises `InputError`."""
    found = members(file, path)
    for name, contents in found.items():
        if not name.endswith(".mf"):
            continue
        for line in contents.to_bytes().decode("utf-8", "replace").splitlines():
            member, _, digest = line.removeprefix("SHA256(").partition(")= ")
            if line.startswith("SHA256(") and (
                member not in found or found[member].sha256() != digest
            ):
                message = f"OVA: '{member}' does not match its checksum in '{name}'"
                raise InputError(error(message, Span(path)))
    disks = [name for name in found if name.endswith(".vmdk")]
    if len(disks) != 1:
        raise InputError(error(f"OVA: {len(disks)} disks are in it, not one", Span(path)))
    return vmdk.unpack(found[disks[0]], f"{path}:{disks[0]}")
