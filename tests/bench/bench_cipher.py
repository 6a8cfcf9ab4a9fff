"""The cipher beneath TLS, beside OpenSSL's."""
import re
import statistics
import subprocess
import sys

from bench_common import ROUNDS, program, ratio

SIZES = (1024, 4096, 16384)
PROCESSORS = ("own", "avx2")
LIMIT = 0.5  # of OpenSSL's rate


def ours(processor, size):
    output = subprocess.run([program("gcm"), processor, str(size)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(output.split()[1]) if output else None


def theirs(size):
    output = subprocess.run(["openssl", "speed", "-seconds", "1", "-bytes", str(size), "-aead", "-evp", "aes-256-gcm"],
                            check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([0-9.]+)k\s*$", output.strip()).group(1)) / 1000


def cipher():
    print(f"\ncipher: AES-256-GCM on one core, MB/s (median of {ROUNDS}); own: mbedTLS's own code, as before")
    print("  bytes  " + "".join(f"{name:>10}" for name in PROCESSORS) + f"{'OpenSSL':>10}")
    slow = False
    for size in SIZES:
        figures = {p: [ours(p, size) for _ in range(ROUNDS)] for p in PROCESSORS}
        peer = statistics.median(theirs(size) for _ in range(3))
        best = [statistics.median(v) if None not in v else None for v in figures.values()]
        print(f"  {size:6} " + "".join(f"{v:10,.0f}" if v else f"{'-':>10}" for v in best) + f"{peer:10,.0f}")
        fastest = max(v for v in best if v)
        ratio(f"cipher {size}", fastest, peer, "more")
        slow |= fastest < LIMIT * peer
    if slow:
        sys.exit("that is less than half of OpenSSL's rate")
