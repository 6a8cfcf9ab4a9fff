"""Tickets from keytabs: 'etl kinit-refresh' against real KDCs, with nothing installed beside it."""

import json
import os
import signal
import subprocess

import pytest
from kdcs import AES256, AES256_SHA2, KDCS, RC4, HeimdalKdc, MitKdc, make_kdc, relay  # noqa: F401 pylint: disable=unused-import
from product import ETL
from servers import wait_for

# pylint: disable=redefined-outer-name

REALM = "ETL.TEST"
SVC = f"svc_etl@{REALM}"


class Place:
    """A directory with a KDC's keytab and an etl.ini, and the binary with an empty environment."""

    def __init__(self, path, kdc, **keys):
        self.path, self.kdc = path, kdc
        self.keytab, self.ccache = path / "svc.keytab", path / "cc"
        self.write(**keys)

    def write(self, **keys):
        options = {"principal": "svc_etl", "keytab": "svc.keytab", "ccache": "cc", **keys}
        (self.path / "etl.ini").write_text(self.kdc.section(**options))

    def key(self, change=False):
        """Puts the account's keys into the keytab, as one file in the place of another."""
        if change:
            self.kdc.change("svc_etl")
        new = self.path / "new.keytab"
        new.unlink(missing_ok=True)
        self.kdc.export("svc_etl", new)
        new.chmod(0o600)
        new.replace(self.keytab)

    def run(self, *argv, status=0, **env):
        done = subprocess.run([str(ETL), *argv], cwd=self.path, env=env, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def once(self, *flags, status=0, **env):
        done = self.run("kinit-refresh", "--once", *flags, status=status, **env)
        return json.loads(done.stdout) if "--json" in flags else done.stderr

    def life(self, status=0):
        done = self.run("healthcheck", "--ticket", status=status)
        return json.loads(done.stdout)["remaining_s"] if status == 0 else done.stderr

    def start(self):
        return subprocess.Popen([str(ETL), "kinit-refresh", "--json"], cwd=self.path, env={}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def place(tmp_path, make_kdc):
    def make(kind=MitKdc, keys=None, **options):
        made = Place(tmp_path, make_kdc(kind, **options), **(keys or {}))
        made.kdc.add("svc_etl")
        made.key()
        return made
    return make


def attempts(kdc, what):
    return kdc.log().count(what)


@pytest.mark.parametrize("enctype", [AES256, AES256_SHA2])
@pytest.mark.parametrize("kind", KDCS)
def test_ticket_with_an_empty_environment(place, kind, enctype):
    here = place(kind, enctypes=(enctype,))
    ticket = here.once("--json")
    assert ticket["principal"] == SVC
    assert ticket["enctype"] == enctype
    assert ticket["clock_skew_s"] in (-1, 0, 1)
    assert here.ccache.stat().st_mode & 0o777 == 0o600
    assert 35900 < here.life() <= 36000
    assert sorted(p.name for p in here.path.iterdir() if p.name.startswith("cc")) == ["cc", "cc.lock"]


def test_mit_clients_can_use_the_cache(place):
    here = place()
    here.once()
    done = subprocess.run(["klist", "-c", str(here.ccache)], capture_output=True, text=True, check=True,
                          env={**os.environ, **here.kdc.env})
    assert SVC in done.stdout


def test_without_a_user_or_a_writable_root(place):
    """Any UID without a passwd entry, as OpenShift gives one."""
    here = place()
    here.path.chmod(0o777)
    for parent in here.path.parents:
        if str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    os.chown(here.keytab, 1000680000, 0)
    done = subprocess.run([str(ETL), "kinit-refresh", "--once"], cwd=here.path, env={}, capture_output=True,
                          text=True, check=False, user=1000680000, group=0, extra_groups=[], timeout=60)
    assert done.returncode == 0, done.stderr
    assert here.ccache.stat().st_uid == 1000680000


def test_krb5_config_wins(place):
    here = place()
    (here.path / "etl.ini").write_text(
        "[kerberos]\nrealm = ETL.TEST\nkdc = 127.0.0.1:9\nprincipal = svc_etl\nkeytab = svc.keytab\nccache = cc\n"
        "timeout = 1s\n")
    assert "no KDC answers" in here.once(status=4)
    here.once(KRB5_CONFIG=str(here.kdc.krb5_conf))


@pytest.mark.parametrize("kind", KDCS)
def test_first_kdc_is_dead(place, kind):
    here = place(kind)
    here.write(kdc=f"127.0.0.1:9, 127.0.0.1:{here.kdc.port}")
    here.once()


@pytest.mark.parametrize("kind", KDCS)
def test_a_silent_kdc_is_waited_for_once(place, kind, relay):
    """A ticket takes two questions: one without proof of the key, one with it."""
    here = place(kind)
    silent = relay(here.kdc.port)
    here.write(kdc=f"127.0.0.1:{silent.port}, 127.0.0.1:{here.kdc.port}", timeout="30s")
    here.once()
    assert (silent.datagrams, silent.connections) == (1, 1)


def test_a_silent_kdc_is_asked_first_again_later(place, relay):
    here = place(life="6s")
    silent = relay(here.kdc.port)
    here.write(kdc=f"127.0.0.1:{silent.port}, 127.0.0.1:{here.kdc.port}", timeout="30s")
    refresher = here.start()
    try:
        wait_for(here.ccache.exists, "the first ticket")
        first = here.ccache.stat().st_ino
        wait_for(lambda: here.ccache.stat().st_ino != first, "a ticket of the second KDC alone")
        assert (silent.datagrams, silent.connections) == (1, 1)
        silent.answering = True
        wait_for(lambda: silent.answered >= 4, "two tickets of the first KDC", 60)
        assert silent.connections == 1
    finally:
        refresher.send_signal(signal.SIGTERM)
        out, _ = refresher.communicate(timeout=20)
    assert refresher.returncode == 0
    assert out.count('"principal"') >= 4


def test_principal_of_the_keytab(place):
    here = place()
    here.write(principal=None)
    assert here.once("--json")["principal"] == SVC


# --- what goes wrong -----------------------------------------------------------


@pytest.mark.parametrize("kind", KDCS)
def test_no_kdc(place, kind):
    here = place(kind)
    here.kdc.stop()
    text = here.once(status=4)
    assert text.startswith(f"etl: no KDC answers for '{SVC}'\nhint: ") and "port 88" in text


@pytest.mark.parametrize("kind", KDCS)
def test_changed_password_is_tried_once(place, kind):
    here = place(kind)
    here.kdc.change("svc_etl")
    text = here.once(status=5)
    assert text.startswith(f"etl: the KDC refuses the keytab's key for '{SVC}'") and "new keytab" in text
    before = len(here.kdc.log())
    assert "not tried again" in here.once(status=5)
    assert len(here.kdc.log()) == before, "the KDC was asked again"
    here.key()
    here.once()
    assert not [p for p in here.path.iterdir() if "refused" in p.name]


def test_twenty_workers_with_a_stale_keytab(place):
    here = place()
    here.kdc.change("svc_etl")
    workers = [subprocess.Popen([str(ETL), "kinit-refresh", "--once"], cwd=here.path, env={},
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(20)]
    assert [w.wait(60) for w in workers] == [5] * 20
    assert attempts(here.kdc, "PREAUTH_FAILED: ") == 1


@pytest.mark.parametrize("kind", KDCS)
def test_unknown_account(place, kind):
    here = place(kind)
    here.kdc.add("other", here.path / "other.keytab")
    if kind is MitKdc:
        here.kdc.kadmin("delprinc -force other")
    else:
        here.kdc.kadmin("delete other")
    (here.path / "other.keytab").chmod(0o600)
    here.write(principal="other", keytab="other.keytab")
    assert f"the KDC knows no account 'other@{REALM}'" in here.once(status=5)


@pytest.mark.parametrize("kind, text", [(MitKdc, "is disabled, locked or expired"), (HeimdalKdc, "policy refuses")])
def test_disabled_account(place, kind, text):
    here = place(kind)
    here.kdc.disable("svc_etl")
    assert text in here.once(status=5)


@pytest.mark.parametrize("kind", KDCS)
def test_expired_account(place, kind):
    here = place(kind)
    here.kdc.expire("svc_etl")
    assert f"the account '{SVC}' has expired" in here.once(status=5)


@pytest.mark.parametrize("kind", KDCS)
def test_expired_password(place, kind):
    here = place(kind)
    here.kdc.expire_password("svc_etl")
    assert f"the password of '{SVC}' has expired" in here.once(status=5)


def test_keytab_of_another_account(place):
    here = place()
    here.write(principal="nobody")
    text = here.once(status=3)
    assert f"the keytab has no key for 'nobody@{REALM}'" in text


def test_only_rc4(place):
    here = place(enctypes=(RC4,))
    text = here.once(status=3)
    assert f"has no AES key for '{SVC}'" in text and "allow_rc4 = yes" in text
    here.write(allow_rc4="yes")
    done = here.run("kinit-refresh", "--once")
    assert "RC4" in done.stdout and "allow_rc4" in done.stderr


@pytest.mark.parametrize("mode, group, status", [(0o644, "no", 3), (0o640, "no", 3), (0o640, "yes", 0), (0o644, "yes", 3),
                                                 (0o600, "no", 0), (0o400, "no", 0)])
def test_keytab_that_others_can_read(place, mode, group, status):
    here = place()
    here.write(keytab_group=group)
    here.keytab.chmod(mode)
    text = here.once(status=status)
    assert status == 0 or f"is open to others (mode {mode:03o})" in text


@pytest.mark.parametrize("content, text", [(None, "No such file"), (b"", "is no keytab"), (b"\5\2", "has no key for"),
                                           (b"\5\2junk", "is no keytab"), (b"\0" * 3000, "is no keytab")])
def test_what_is_no_keytab(place, content, text):
    here = place()
    here.keytab.unlink()
    if content is not None:
        here.keytab.write_bytes(content)
        here.keytab.chmod(0o600)
    assert text in here.once(status=3)


@pytest.mark.parametrize("clock", ["+10m", "-10m"])
def test_clock_skew_is_measured(place, clock):
    here = place(clock=clock)
    done = here.run("kinit-refresh", "--once", "--json")
    assert abs(json.loads(done.stdout)["clock_skew_s"] - (600 if clock[0] == "+" else -600)) < 5
    assert f"s {'before' if clock[0] == '+' else 'behind'} ours" in done.stderr


# --- for ever --------------------------------------------------------------------


def test_kept_fresh_through_many_lives_and_an_outage(place):
    here = place(life="6s")
    refresher = here.start()
    try:
        seen = set()
        wait_for(lambda: here.ccache.exists(), "the first ticket")
        def lives():
            data = json.loads(here.run("healthcheck", "--ticket").stdout)  # never without one that serves
            seen.add(data["expires"])
            return len(seen) >= 4
        wait_for(lives, "four tickets", 60)
        here.kdc.stop()
        wait_for(lambda: subprocess.run([str(ETL), "healthcheck", "--ticket"], cwd=here.path, env={}, check=False,
                                        capture_output=True).returncode == 5, "the end of the last ticket", 60)
        assert "has expired at" in here.life(status=5)
        here.kdc.start()
        wait_for(lambda: subprocess.run([str(ETL), "healthcheck", "--ticket"], cwd=here.path, env={}, check=False,
                                        capture_output=True).returncode == 0, "a ticket after the outage", 90)
    finally:
        refresher.send_signal(signal.SIGTERM)
        out, said = refresher.communicate(timeout=20)
    assert refresher.returncode == 0
    assert "no KDC answers" in said and "the ticket that we have lasts until" in said
    assert out.count('"principal"') >= 5


def test_changed_keytab_is_noticed(place):
    here = place()
    refresher = here.start()
    try:
        wait_for(here.ccache.exists, "the first ticket")
        first = here.ccache.stat().st_ino
        here.key(change=True)
        wait_for(lambda: here.ccache.stat().st_ino != first, "a ticket with the new keys")
    finally:
        refresher.send_signal(signal.SIGTERM)
        refresher.communicate(timeout=20)
    assert refresher.returncode == 0


