"""A ticket from a keytab, beside MIT's kinit, from a KDC of MIT's on loopback."""

import shutil
import sys
from pathlib import Path

from bench_common import ETL, WORK, side_by_side

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

TICKETS = 100


def repeat(argv):
    return ["/bin/sh", "-c", f"i=0; while [ $i -lt {TICKETS} ]; do {argv} >/dev/null || exit 1; i=$((i+1)); done"]


def ticket():
    from kdcs import MitKdc  # pylint: disable=import-outside-toplevel # it wants pytest
    here = Path(WORK) / "kerberos"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    kdc = MitKdc(here / "kdc")
    try:
        keytab = here / "svc.keytab"
        kdc.add("svc_etl", keytab)
        keytab.chmod(0o600)
        (here / "etl.ini").write_text(kdc.section(principal="svc_etl", keytab="svc.keytab", ccache="cc"))
        side_by_side(
            f"ticket: {TICKETS} from a keytab",
            ("etl kinit-refresh", lambda: None,
             repeat(f"env -u KRB5_CONFIG {ETL} --config {here}/etl.ini kinit-refresh --once"), None),
            ("kinit (MIT)", lambda: None,
             repeat(f"env KRB5_CONFIG={kdc.krb5_conf} kinit -c {here}/mit -k -t {keytab} svc_etl"), None))
    finally:
        kdc.stop()
