import subprocess

from bedstone.store import provenance


def test_only_a_checkout_that_tracks_the_package_counts(tmp_path, monkeypatch):
    file = tmp_path / provenance.HERE.relative_to(provenance.ROOT)
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert not provenance.is_checkout(tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert not provenance.is_checkout(tmp_path)
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    assert provenance.is_checkout(tmp_path)
    assert not provenance.is_checkout(file.parent)
    monkeypatch.setenv("PATH", "")
    assert not provenance.is_checkout(tmp_path)


def test_a_checkout_without_a_commit_is_no_error(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "is_checkout", lambda root: True)
    provenance.current_code.cache_clear()
    assert provenance.current_code().commit is None
    provenance.current_code.cache_clear()
