"""The filter's program, run by a small BPF machine: for both processors, whichever the tests run on."""

import errno
import struct

import pytest

from localnpm.agent.confinement import seccomp, syscalls

ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALL = seccomp.refusals(metadata=True, signals=True, truncate=True)
FEW = seccomp.refusals(metadata=False, signals=False, truncate=False)
READ = {"x86_64": 0, "aarch64": 63}
MACHINES = sorted(ARCHITECTURES)


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the program returns for a system call, by the rules of classic BPF."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<II Q 6Q", number, architecture, 0, *padded)
    accumulator = position = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, 8 * position)
        position += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
            continue
        holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
        position += if_true if holds else if_false


def judge(machine: str, name: str, *arguments: int, refused: tuple[seccomp.Refusal, ...] = ALL) -> int:
    number = syscalls.NUMBERS[machine][name]
    return verdict(seccomp.program(refused, machine), ARCHITECTURES[machine], number, *arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_an_ordinary_call_is_allowed(machine: str) -> None:
    program = seccomp.program(ALL, machine)
    assert verdict(program, ARCHITECTURES[machine], READ[machine]) == ALLOW


@pytest.mark.parametrize(
    ("machine", "refusal"),
    [
        pytest.param(machine, refusal, id=f"{machine}-{refusal.name}")
        for machine in MACHINES
        for refusal in ALL
        if not refusal.test and refusal.name in syscalls.NUMBERS[machine]
    ],
)
def test_each_refused_call_fails_with_its_error(machine: str, refusal: seccomp.Refusal) -> None:
    assert judge(machine, refusal.name) == ERROR | refusal.error


def test_every_refused_call_is_known_on_some_machine() -> None:
    known = {name for numbers in syscalls.NUMBERS.values() for name in numbers}
    assert {refusal.name for refusal in ALL} <= known


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_of_another_architecture_kills(machine: str) -> None:
    program = seccomp.program(ALL, machine)
    assert verdict(program, 0x40000003, READ[machine]) == KILL


def test_a_call_with_the_x32_bit_kills() -> None:
    assert verdict(seccomp.program(ALL, "x86_64"), ARCHITECTURES["x86_64"], 0x40000000) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_that_is_newer_than_the_filter_does_not_exist(machine: str) -> None:
    assert verdict(seccomp.program(FEW, machine), ARCHITECTURES[machine], 463) == ERROR | errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_only_a_pair_of_local_sockets_is_allowed(machine: str) -> None:
    assert judge(machine, "socketpair", 1) == ALLOW
    assert judge(machine, "socketpair", 2) == ERROR | errno.EACCES


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("flag", [0x20000, 0x02000000, 0x10000000, 0x20000000, 0x40000000])
def test_a_process_is_allowed_and_one_in_new_namespaces_is_not(machine: str, flag: int) -> None:
    assert judge(machine, "clone", 17) == ALLOW
    assert judge(machine, "clone", 17 | flag) == ERROR | errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("pointer", [1 << 12, 1 << 32, 0x7FFF_0000_0000])
def test_times_are_set_on_open_files_and_not_by_path(machine: str, pointer: int) -> None:
    assert judge(machine, "utimensat", 3, 0) == ALLOW
    assert judge(machine, "utimensat", 3, pointer) == ERROR | errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_a_process_sets_its_own_limits_only(machine: str) -> None:
    assert judge(machine, "prlimit64", 0) == ALLOW
    assert judge(machine, "prlimit64", 1234) == ERROR | errno.EPERM


@pytest.mark.parametrize("name", ["kill", "truncate", "fchmodat"])
def test_with_namespaces_signals_and_modes_are_free(name: str) -> None:
    assert judge("x86_64", name, refused=FEW) == ALLOW
