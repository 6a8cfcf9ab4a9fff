"""The cipher beneath TLS: NIST's vectors (CAVS 14.0) and OpenSSL's opinion, on this processor and on older ones."""

import os
import random
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# pylint: disable=redefined-outer-name
from servers import ROOT, other_pki, pki, run  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import

VECTORS = Path("/usr/lib/python3/dist-packages/cryptography_vectors/ciphers/AES/GCM")
PROCESSORS = ("own", "avx2")
# what they lack: AVX2; AES and AVX; everything since 2003
OLD = ("Westmere", "Nehalem", "qemu64")
NO_SUCH = 3


@pytest.fixture(scope="module")
def program():
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    run("make", "-s", "-C", ROOT, "build/musl/smoke/gcm", env=env)
    return ROOT / "build/musl/smoke/gcm"


def ask(program, processor, lines, before=()):
    done = subprocess.run([*before, program, processor], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode == NO_SUCH:
        pytest.skip(f"this processor has no {processor}")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def cases(name):
    """The fields of each case; FAIL: there is no plain text."""
    case = {}
    for line in (VECTORS / name).read_text().splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "Count":
            case = {}
        elif line.strip() == "FAIL":
            yield case
        elif "=" in line and not line.startswith("["):
            case[key.strip()] = value.strip() or "-"
            if key.strip() == ("PT" if "Decrypt" in name else "Tag"):
                yield case


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("processor", PROCESSORS)
def test_nist_encrypts(program, processor, bits):
    found = list(cases(f"gcmEncryptExtIV{bits}.rsp"))
    assert len(found) > 7000
    answers = ask(program, processor, [f"enc {c['Key']} {c['IV']} {c['AAD']} {c['PT']} {len(c['Tag']) // 2}" for c in found])
    assert answers == [f"{c['CT']} {c['Tag']}" for c in found]


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("processor", PROCESSORS)
def test_nist_decrypts_and_refuses(program, processor, bits):
    found = list(cases(f"gcmDecrypt{bits}.rsp"))
    answers = ask(program, processor, [f"dec {c['Key']} {c['IV']} {c['AAD']} {c['CT']} {c['Tag']}" for c in found])
    assert answers == [c.get("PT", "FAIL") for c in found]
    assert answers.count("FAIL") > 1000


@pytest.mark.parametrize("processor", PROCESSORS)
def test_long_messages_as_openssl_has_them(program, processor):
    rnd = random.Random(7)
    lines, want = [], []
    for size in [1, 15, 16, 17, 127, 128, 129, 1023, 4096, 8060, 16367, 16383, 16384, 65537]:
        for bits in (128, 256):
            key, nonce, aad, text = (rnd.randbytes(n) for n in (bits // 8, 12, 13, size))
            sealed = AESGCM(key).encrypt(nonce, text, aad).hex()
            lines.append(f"enc {key.hex()} {nonce.hex()} {aad.hex()} {text.hex()} 16")
            want.append(f"{sealed[:-32]} {sealed[-32:]}")
    assert ask(program, processor, lines) == want


@pytest.mark.parametrize("cpu", OLD)
def test_an_old_processor_goes_without(program, cpu, project, tdsd, pki):
    """The whole program, and a connection over TLS, on a processor that has nothing of it."""
    emulated = ["qemu-x86_64", "-cpu", cpu]
    case = "enc " + "00" * 32 + " " + "00" * 12 + " - " + "00" * 16 + " 16"
    assert ask(program, "own", [case], emulated) == ["cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919"]
    assert subprocess.run([*emulated, program, "avx2"], input="", capture_output=True, text=True,
                          check=False).returncode == NO_SUCH
    certificate, key = pki.issue("localhost")
    server = tdsd(certificate=certificate, key=key, encrypt="on")
    project.write("password", PASSWORD)
    project.write("etl.ini", f"[connection dw]\ndriver = mssql\nserver = localhost,{server.port}\ndatabase = master\n"
                             f"user = {USER}\npassword_file = password\nca_file = {pki.ca}\n")
    done = subprocess.run([*emulated, *project.argv("ping", "dw")], cwd=project.path, env=project.env(),
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "AES-256-GCM" in done.stdout.replace("_", "-")
