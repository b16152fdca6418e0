"""lava/*.yaml: the bundle as a job of LAVA, where a lab has that.

LAVA fetches files by URL, so whoever submits the job puts the unpacked bundle on a server and replaces
BUNDLE_URL. Its schema is `lava_common.schemas`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orobuild.rig.index import BootMethod, Index

_HEAD: Final = """\
# A job for LAVA. Replace BUNDLE_URL by where the unpacked bundle is served, then:
#   lavacli jobs submit {name}
job_name: {job}
visibility: public
priority: medium
timeouts:
  job:
    seconds: {job_seconds}
  action:
    seconds: {seconds}
"""
_QEMU: Final = """\
device_type: qemu
context:
  arch: amd64
actions:
  - deploy:
      to: tmpfs
      images:
        disk:
          image_arg: -drive format=raw,file={{disk}}
          url: BUNDLE_URL/{file}
          sha256sum: {sha256}
  - boot:
      method: qemu
      media: tmpfs
      timeout:
        seconds: {seconds}
"""
_IPXE: Final = """\
device_type: x86
actions:
  - deploy:
      to: tftp
      kernel:
        url: BUNDLE_URL/{file}
        sha256sum: {sha256}
  - boot:
      method: ipxe
      commands:
        - dhcp net0
        - chain tftp://{{SERVER_IP}}/{{KERNEL}}
      timeout:
        seconds: {seconds}
"""
_TEST: Final = """\
  - test:
      timeout:
        seconds: {seconds}
      monitors:
        - name: {name}
          start: {start}
          end: {end}
          pattern: {pattern}
          fixupdict:
            ok: pass
            not ok: fail
"""


def files(index: Index) -> dict[str, bytes]:
    """The jobs by file name: one for LAVA's QEMU, one for machines with iPXE."""
    made: dict[str, str] = {}
    for method in index.boot:
        if method.method == "usb":
            made["qemu.yaml"] = _job(index, method, _QEMU, "qemu.yaml")
        elif method.method == "uefi-http":
            made["ipxe.yaml"] = _job(index, method, _IPXE, "ipxe.yaml")
    return {f"lava/{name}": text.encode() for name, text in made.items()}


def _job(index: Index, method: BootMethod, actions: str, name: str) -> str:
    seconds = max(round(index.tests.timeout), 1)
    sha256 = next(file.sha256 for file in index.files if file.name == method.file)
    job = json.dumps(f"{index.name}, {index.profile}")
    return (
        _HEAD.format(name=name, job=job, seconds=seconds, job_seconds=2 * seconds + 600)
        + actions.format(file=method.file, sha256=sha256, seconds=seconds)
        + _test(index, seconds)
    )


def _test(index: Index, seconds: int) -> str:
    """The console as LAVA reads it: line by line, from the first line of KTAP to the last suite's result."""
    tests = index.tests
    if tests.suites:
        end = rf"(not )?ok {len(tests.suites)} (- )?{re.escape(tests.suites[-1].name)}"
    else:
        end = re.escape(tests.success or "oro: verdict=")
    return _TEST.format(
        seconds=seconds,
        name=re.sub(r"[^\w.-]", "-", index.name),
        start=json.dumps("K?TAP version \\d+" if tests.suites else "."),
        end=json.dumps(end),
        pattern=json.dumps(r"(?P<result>not ok|ok) \d+ (- )?(?P<test_case_id>[^\s#]+)"),
    )
