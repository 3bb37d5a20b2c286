# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where keys come from, what is refused, and that no message repeats one."""

import base64
import hashlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import traceback

import pytest

import _keys
import fernet_decryptor
import fernet_encryptor
import sframe_decryptor
import sframe_encryptor
from _keys import looks_like_a_key, read_credential, read_descriptor
from _keys import read_key, read_key_file
from sealing import RAW, buffer, key_text, made, negotiate, seal, write_key

MAKE_KEY = pathlib.Path(__file__).parents[2] / "examples/make-key"
KEY = base64.urlsafe_b64decode(key_text())
PLUGINS = [sframe_encryptor, sframe_decryptor, fernet_encryptor, fernet_decryptor]


@pytest.fixture
def credentials(tmp_path, monkeypatch):
    """A folder as systemd gives it to a service."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def refused(error, read, *arguments):
    """Its message, after a look at all that would be shown of it."""
    with pytest.raises(error) as caught:
        read(*arguments)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for start in range(len(key_text()) - 6):
        assert key_text()[start : start + 6] not in shown
    return str(caught.value)


def descriptor_of(text):
    """The end of a pipe that holds it."""
    reader, writer = os.pipe()
    os.write(writer, text)
    os.close(writer)
    return reader


# Files


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_file_of_ones_own_is_read(mode, tmp_path):
    path = write_key(tmp_path / "key")
    os.chmod(path, mode)
    assert read_key_file(path) == KEY


@pytest.mark.parametrize(
    "mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666]
)
def test_file_open_to_others_is_refused(mode, tmp_path):
    path = write_key(tmp_path / "key")
    os.chmod(path, mode)
    message = refused(PermissionError, read_key_file, path)
    assert path in message and f"{mode:04o}" in message and "chmod 600" in message


def test_file_of_somebody_else_is_refused(tmp_path, monkeypatch):
    path = write_key(tmp_path / "key")
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "belongs to the user" in refused(PermissionError, read_key_file, path)


def test_symbolic_link_is_refused(tmp_path):
    write_key(tmp_path / "key")
    (tmp_path / "link").symlink_to("key")
    assert "symbolic link" in refused(OSError, read_key_file, str(tmp_path / "link"))


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o600)
    for path in (tmp_path / "fifo", tmp_path, "/dev/null"):
        message = refused(OSError, read_key_file, str(path))
        assert str(path) in message and "regular" in message


def test_missing_file_is_not_repeated_but_its_folder_is(tmp_path):
    message = refused(FileNotFoundError, read_key_file, str(tmp_path / "nothing"))
    assert str(tmp_path) in message and "No such file" in message
    assert "nothing" not in message and "7 characters" in message


def written(size):
    """A key of so many bytes in each form that people have keys in."""
    key = hashlib.sha512(b"of a test").digest() * 2
    key = key[:size]
    plain = [base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()]
    spaced = key.hex(":"), key.hex(" "), "0x" + key.hex(), key.hex().upper()
    return {*plain, *(each.rstrip("=") for each in plain), key.hex(), *spaced}


@pytest.mark.parametrize("size", [16, 24, 32, 48, 64])
def test_a_key_in_place_of_its_name_is_known(size):
    for text in written(size):
        assert looks_like_a_key(text) and looks_like_a_key(f" {text}\n"), text


def test_names_of_files_are_no_keys(tmp_path):
    for name in ("call.key", "/etc/call.key", "~/keys/call", "keys/call", "3", "-1"):
        assert not looks_like_a_key(name), name
    # What is there is a file, whatever it is called.
    path = tmp_path / key_text()
    assert looks_like_a_key(key_text())
    path.write_text("")
    assert not looks_like_a_key(str(path))


@pytest.mark.parametrize("parameter", ["key_file", "key_fd", "credential"])
@pytest.mark.parametrize("size", [15, 16, 31, 32, 33])
def test_nothing_that_was_given_for_a_key_is_repeated(
    parameter, size, tmp_path, monkeypatch
):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for text in written(size):
        for module in (sframe_encryptor, fernet_encryptor):
            plugin = module.create_plugin()
            plugin.initialize()
            if hasattr(plugin, "set_caps"):
                caps = "audio/x-opus"
                plugin.set_caps(caps, plugin.get_output_caps(caps))
            with pytest.raises((ValueError, OSError)) as caught:
                plugin.set_parameter(parameter, text)
                plugin.start()
            shown = "".join(traceback.format_exception(caught.value))
            for part in {text, text.strip("="), text.rpartition("/")[2]}:
                assert len(part) < 8 or part not in shown, (parameter, text)


def test_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_key(tmp_path / "key")
    assert read_key_file("~/key") == KEY


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n\n{key}\n",
        "{key}",
        "  {key}  \r\n# after it\r\n",
        "#" + "x" * 3000 + "\n{key}\n",
    ],
)
def test_comments_and_blank_lines_are_passed_over(text, tmp_path):
    path = tmp_path / "key"
    write_key(path)
    path.write_text(text.format(key=key_text()))
    assert read_key_file(str(path)) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        key_text()[:-1],
        key_text()[:-2] + "=",
        key_text()[1:],
        "A" + key_text(),
        key_text() + "=",
        key_text() + "\n" + key_text() + "\n",
        key_text() + " # comment",
        key_text()[:20] + "\n" + key_text()[20:],
        key_text()[:20] + "+/" + key_text()[22:],
        key_text()[:20] + "\0" + key_text()[21:],
        key_text()[:20] + "é" + key_text()[21:],
        "\ufeff" + key_text(),
        KEY.hex(),
        key_text() + "\n#" + "x" * 5000,
        KEY,
    ],
)
def test_what_is_no_key_is_refused(text, tmp_path):
    path = tmp_path / "key"
    write_key(path)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    message = refused(ValueError, read_key_file, str(path))
    assert str(path) in message and "make-key" in message
    reader = descriptor_of(path.read_bytes())
    assert "make-key" in refused(ValueError, read_descriptor, reader)


# Descriptors


def test_descriptor_is_read_once_and_stays_open():
    descriptor = descriptor_of(key_text().encode())
    try:
        assert read_key("", descriptor, "") == KEY
        assert os.read(descriptor, 1) == b""  # nobody else's file can be there
        assert read_key("", descriptor, "") == KEY
    finally:
        os.close(descriptor)
    assert read_key("", descriptor, "") == KEY


def become(number, descriptor):
    """Another file under this number, as when an application closed it."""
    os.dup2(descriptor, number)
    os.close(descriptor)


def test_number_that_became_another_key_is_read_anew():
    number = descriptor_of(key_text().encode())
    try:
        assert read_key("", number, "") == KEY
        become(number, descriptor_of(key_text("b").encode()))
        for _ in range(2):
            assert read_key("", number, "") == base64.urlsafe_b64decode(key_text("b"))
    finally:
        os.close(number)


def test_number_that_became_another_file_is_refused_and_left_alone(tmp_path):
    number = descriptor_of(key_text().encode())
    try:
        assert read_key("", number, "") == KEY
        (tmp_path / "notes").write_text("no key")
        become(number, os.open(tmp_path / "notes", os.O_RDONLY))
        assert "make-key" in refused(ValueError, read_key, "", number, "")
        assert os.read(number, 100) == b"no key"
        become(number, os.open(tmp_path, os.O_RDONLY))
        assert "pipe" in refused(OSError, read_key, "", number, "")
        os.fstat(number)
    finally:
        os.close(number)


def test_file_is_left_where_it_was(tmp_path):
    with open(write_key(tmp_path / "key"), "rb") as file:
        for _ in range(2):
            assert read_descriptor(file.fileno()) == KEY
            assert file.tell() == 0


def test_what_cannot_hold_a_key_is_not_read():
    event = os.eventfd(1)
    try:
        assert "pipe or socket" in refused(OSError, read_descriptor, event)
        assert os.eventfd_read(event) == 1
    finally:
        os.close(event)


@pytest.mark.parametrize("text", [b"", key_text().encode()])
def test_pipe_that_nobody_closes_is_not_waited_for_for_ever(text, monkeypatch):
    monkeypatch.setattr(_keys, "PATIENCE", 0.3)
    reader, writer = os.pipe()
    os.write(writer, text)
    begun = time.monotonic()
    message = refused(OSError, read_descriptor, reader)
    assert "not closed within 0.3 s" in message
    assert time.monotonic() - begun > 0.2
    os.close(writer)
    # Untouched: it may be somebody else's.
    assert os.read(reader, 100) == text
    os.close(reader)


def test_socket_is_read_when_its_other_end_is_closed(monkeypatch):
    monkeypatch.setattr(_keys, "PATIENCE", 0.3)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(key_text().encode())
        assert "not closed" in refused(OSError, read_descriptor, ours.fileno())
        theirs.shutdown(socket.SHUT_WR)
        assert read_descriptor(ours.fileno()) == KEY


def test_held_keys_show_no_byte():
    descriptor = descriptor_of(key_text().encode())
    read_key("", descriptor, "")
    os.close(descriptor)
    store = sys.modules["_pythonfilter_held_keys"]
    shown = repr(store) + repr(vars(store)["keys"])
    assert "memory at" in shown and repr(KEY)[2:12] not in shown
    assert str(list(KEY[:4]))[1:-1] not in shown and KEY.hex()[:8] not in shown


def test_descriptor_that_is_none_is_refused():
    descriptor = descriptor_of(b"")
    os.close(descriptor)
    for number, error in ((descriptor, OSError), (-2, ValueError)):
        assert f"descriptor {number}" in refused(error, read_descriptor, number)


def test_standard_input_stays_open(tmp_path):
    """Closed, its number would become that of the next file."""
    code = "import os, _keys; _keys.read_descriptor(0); os.fstat(0)"
    plugins = pathlib.Path(read_descriptor.__code__.co_filename).parent
    subprocess.run(
        ["/usr/bin/python3", "-c", code],
        input=key_text().encode(),
        env={"PYTHONPATH": str(plugins)},
        check=True,
    )


@pytest.mark.parametrize("module", PLUGINS)
def test_descriptor_serves_every_start_of_a_plugin(module, tmp_path):
    key = write_key(tmp_path / "key")
    encryptor = {
        sframe_decryptor: sframe_encryptor,
        fernet_decryptor: fernet_encryptor,
    }.get(module)
    caps = made(encryptor, key).get_output_caps(RAW) if encryptor else RAW
    descriptor = descriptor_of(key_text().encode())
    for plugin in made(module, "", key_fd=descriptor), made(
        module, "", key_fd=descriptor
    ):
        for _ in range(3):
            negotiate(plugin, caps)
            plugin.stop()
    os.close(descriptor)


# Credentials


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440])
def test_credential_is_read(mode, credentials):
    """Mode 440 is what an ACL of systemd looks like."""
    os.chmod(write_key(credentials / "call"), mode)
    assert read_credential("call") == KEY


@pytest.mark.parametrize("mode", [0o444, 0o404, 0o460, 0o420])
def test_credential_open_to_others_is_refused(mode, credentials):
    os.chmod(write_key(credentials / "call"), mode)
    assert f"{mode:04o}" in refused(PermissionError, read_credential, "call")


@pytest.mark.parametrize("name", ["a/b", "../call", "/etc/passwd", ".", ".."])
def test_credential_is_a_name_and_no_path(name, credentials):
    assert "no name" in refused(ValueError, read_credential, name)


def test_missing_credential_is_explained(credentials, monkeypatch):
    message = refused(FileNotFoundError, read_credential, "call")
    assert "credential: No such file" in message
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert "LoadCredential=" in refused(FileNotFoundError, read_credential, "call")


def test_credential_that_is_a_link_is_refused(credentials, tmp_path_factory):
    write_key(tmp_path_factory.mktemp("else") / "key")
    (credentials / "call").symlink_to(write_key(credentials / "other"))
    assert "symbolic link" in refused(OSError, read_credential, "call")


# The parameters


@pytest.mark.parametrize("module", PLUGINS)
def test_exactly_one_key_is_named(module, tmp_path, credentials):
    key = write_key(tmp_path / "key")
    caps = {
        sframe_decryptor: lambda: made(sframe_encryptor, key).get_output_caps(RAW),
        fernet_decryptor: lambda: made(fernet_encryptor, key).get_output_caps(RAW),
    }.get(module, lambda: RAW)()
    none = made(module, "")
    assert "key_file" in refused(ValueError, negotiate, none, caps)
    for others in ({"credential": "key"}, {"key_fd": 9}):
        several = made(module, key, **others)
        assert "several" in refused(ValueError, negotiate, several, caps)
    negotiate(made(module, "", credential="key"), caps)


@pytest.mark.parametrize("module", PLUGINS)
@pytest.mark.parametrize("name", ["key_file", "credential", "key_fd"])
def test_key_in_place_of_its_name_is_refused_and_not_repeated(module, name):
    plugin = made(module, "")
    message = refused(ValueError, plugin.set_parameter, name, key_text())
    assert name in message
    assert plugin.get_parameter(name) in ("", "-1")


@pytest.mark.parametrize("module", PLUGINS)
@pytest.mark.parametrize("name", ["key", "password", "cipher_suite", "pad_to"])
@pytest.mark.parametrize("size", [16, 32])
def test_key_in_another_parameter_is_not_repeated_either(module, name, size):
    plugin = made(module, "")
    for text in written(size):
        message = refused(ValueError, plugin.set_parameter, name, text)
        assert name in message and "not shown" in message
        assert text.rpartition("/")[2] not in message, text
    # What is no key is shown, or nobody finds the mistake.
    if module is sframe_encryptor and name == "pad_to":
        assert "16.5" in refused(ValueError, plugin.set_parameter, name, "16.5")
    if name == "key":
        assert "key_file" in message and "secret" not in message


# examples/make-key


def make_key(*arguments):
    return subprocess.run(
        [MAKE_KEY, *arguments], capture_output=True, text=True, check=False
    )


def test_make_key_writes_what_plugins_read(tmp_path):
    keys = set()
    for name in ("a", "b"):
        path = str(tmp_path / name)
        done = make_key(path)
        assert (done.returncode, done.stdout) == (0, "")
        keys.add(read_key_file(path))
        text = pathlib.Path(path).read_text()
        line = re.search(r"^[^#\s]+$", text, re.MULTILINE)[0]
        assert path in done.stderr and line not in done.stderr
        assert os.stat(path).st_mode & 0o7777 == 0o600
    assert len(keys) == 2
    encryptor = made(sframe_encryptor, path)
    decryptor = made(sframe_decryptor, path)
    negotiate(decryptor, negotiate(encryptor, RAW))
    (frame,) = seal(encryptor, b"hello")
    assert decryptor.process_audio(buffer(frame)) == b"hello"


def test_make_key_leaves_what_is_there(tmp_path):
    path = tmp_path / "key"
    path.write_text("precious")
    (tmp_path / "link").symlink_to("not there")
    for name in ("key", "link"):
        done = make_key(str(tmp_path / name))
        assert done.returncode == 1 and "stays as it is" in done.stderr
    assert path.read_text() == "precious" and not (tmp_path / "not there").exists()


def test_make_key_says_what_is_wrong(tmp_path):
    done = make_key(str(tmp_path / "none" / "key"))
    assert done.returncode == 1 and "No such file" in done.stderr
    for arguments in ([], ["a", "b"], ["-x"]):
        done = make_key(*arguments)
        assert done.returncode == 2 and "make-key FILE" in done.stderr
