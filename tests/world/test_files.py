"""One body for both kinds of disk: what holds in memory must hold below a folder of a real machine."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinsim.world import Entry, MemoryFiles, RootedFiles


@pytest.fixture(params=["in memory", "below a folder"])
def files(request, tmp_path):
    if request.param == "in memory":
        return MemoryFiles()
    root = tmp_path / "root"
    root.mkdir()
    return RootedFiles(root)


@pytest.fixture
def rooted(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return RootedFiles(root)


@pytest.mark.parametrize("content", [b"", b"x", b"a\nb\n", bytes(range(256)), b"long" * 100_000])
def test_what_was_written_is_read(files, content):
    files.write("/etc/kubernetes/kubelet.conf", content)
    assert files.read("/etc/kubernetes/kubelet.conf") == content


def test_a_later_write_replaces_all_of_an_earlier_one(files):
    files.write("/a", b"the first and longer one", 0o600)
    files.write("/a", b"second", 0o644)
    assert files.read("/a") == b"second"
    assert list(files.entries()) == [Entry("/a", 0o644)]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o666, 0o777, 0o640])
def test_a_file_has_exactly_the_mode_asked_for(files, mode):
    before = os.umask(0o077)
    try:
        files.write("/pki/key.pem", b"secret", mode)
    finally:
        os.umask(before)
    assert list(files.entries()) == [Entry("/pki/key.pem", mode)]


def test_a_file_is_readable_by_all_unless_told_otherwise(files):
    files.write("/a", b"")
    assert list(files.entries()) == [Entry("/a", 0o644)]


def test_content_may_be_made_when_it_is_needed(files):
    files.write("/a", lambda: b"made")
    assert files.read("/a") == files.read("/a") == b"made"


def test_in_memory_content_is_made_once_and_not_before_it_is_read():
    made = []

    def make():
        made.append(1)
        return b"made"

    files = MemoryFiles()
    files.write("/a", make)
    assert not made
    files.read("/a")
    files.read("/a")
    assert len(made) == 1


@pytest.mark.parametrize("path", ["/missing", "/etc/missing", "/missing/too", "/etc/file/below-a-file"])
def test_a_missing_file_is_named_as_go_names_it(files, path):
    files.write("/etc/file", b"")
    with pytest.raises(FileNotFoundError) as caught:
        files.read(path)
    assert str(caught.value) == f"open {path}: no such file or directory"
    assert not files.exists(path)
    with pytest.raises(FileNotFoundError) as caught:
        files.remove(path)
    assert str(caught.value) == f"remove {path}: no such file or directory"


def test_a_folder_is_no_file(files):
    files.make_directory("/var/lib/kubelet")
    with pytest.raises(IsADirectoryError) as caught:
        files.read("/var/lib/kubelet")
    assert str(caught.value) == "read /var/lib/kubelet: is a directory"
    with pytest.raises(IsADirectoryError) as caught:
        files.write("/var/lib/kubelet", b"")
    assert str(caught.value) == "open /var/lib/kubelet: is a directory"
    with pytest.raises(IsADirectoryError):
        files.remove("/var/lib/kubelet")
    with pytest.raises(IsADirectoryError):
        files.link("/var/lib/kubelet", "/etc")
    assert files.exists("/var/lib/kubelet")
    assert list(files.entries()) == []


def test_a_folder_cannot_be_made_where_a_file_is(files):
    files.write("/a", b"kept")
    for path in ("/a", "/a/b", "/a/b/c"):
        with pytest.raises((FileExistsError, NotADirectoryError)):
            files.make_directory(path)
    with pytest.raises((FileExistsError, NotADirectoryError)):
        files.write("/a/b", b"")
    assert files.read("/a") == b"kept"


def test_folders_are_made_on_the_way_and_may_be_made_twice(files):
    files.make_directory("/a/b/c")
    files.make_directory("/a/b/c")
    files.write("/d/e/f", b"")
    assert all(map(files.exists, ["/", "/a", "/a/b", "/a/b/c", "/d", "/d/e", "/d/e/f"]))
    assert not files.exists("/a/b/c/d")


def test_a_removed_file_is_gone_and_its_neighbours_are_not(files):
    files.write("/a/one", b"1")
    files.write("/a/one.key", b"2")
    files.remove("/a/one")
    assert not files.exists("/a/one")
    assert files.read("/a/one.key") == b"2"
    assert files.exists("/a")


def test_entries_are_sorted_and_only_those_below(files):
    for path in ["/etc/b", "/etc/a", "/etc/a.d/x", "/etcetera", "/etc/sub/deep/file"]:
        files.write(path, b"", 0o600)
    files.link("/etc/link", "a")
    assert list(files.entries("/etc")) == [
        Entry("/etc/a", 0o600),
        Entry("/etc/a.d/x", 0o600),
        Entry("/etc/b", 0o600),
        Entry("/etc/link", 0o777, "a"),
        Entry("/etc/sub/deep/file", 0o600),
    ]
    assert list(files.entries("/etc/")) == list(files.entries("/etc"))
    assert list(files.entries("/nowhere")) == []
    assert [entry.path for entry in files.entries()][-1] == "/etcetera"


@pytest.mark.parametrize("path", ["relative", "", "./a", "../a", "~/a"])
def test_a_path_that_is_not_absolute_is_our_own_bug(files, path):
    with pytest.raises(ValueError, match="absolute"):
        files.read(path)
    with pytest.raises(ValueError, match="absolute"):
        files.write(path, b"")


@pytest.mark.parametrize(
    "path", ["/a/../b", "/../b", "/../../../../b", "//b", "/./b", "/a/./../b", "/b/", "/../a/../../b"]
)
def test_dots_do_not_lead_out_of_the_root(files, path):
    files.write(path, b"here")
    assert files.read("/b") == b"here"
    assert [entry.path for entry in files.entries()] == ["/b"]


# --- links -----------------------------------------------------------------------------


def test_a_link_is_read_and_written_through(files):
    files.write("/pki/kubelet-client-1.pem", b"one", 0o600)
    files.link("/pki/kubelet-client-current.pem", "/pki/kubelet-client-1.pem")
    assert files.read("/pki/kubelet-client-current.pem") == b"one"
    files.write("/pki/kubelet-client-current.pem", b"two", 0o600)
    assert files.read("/pki/kubelet-client-1.pem") == b"two"
    assert list(files.entries("/pki")) == [
        Entry("/pki/kubelet-client-1.pem", 0o600),
        Entry("/pki/kubelet-client-current.pem", 0o777, "/pki/kubelet-client-1.pem"),
    ]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("/a/link", "file"),
        ("/a/link", "./file"),
        ("/a/link", "../a/file"),
        ("/a/link", "/a/file"),
        ("/link", "a/file"),
        ("/x/y/link", "../../a/file"),
        ("/x/y/link", "../../../../../a/file"),
    ],
)
def test_a_link_leads_where_the_host_would_follow_it(files, link, target):
    files.write("/a/file", b"found")
    files.link(link, target)
    assert files.read(link) == b"found"
    assert files.exists(link)


def test_links_to_folders_are_followed_on_the_way(files):
    files.write("/real/sub/file", b"1")
    files.link("/alias", "/real")
    files.link("/real/up", "sub/..")
    assert files.read("/alias/sub/file") == b"1"
    assert files.read("/alias/up/sub/file") == b"1"
    files.write("/alias/new", b"2")
    assert files.read("/real/new") == b"2"
    files.link("/alias/link", "new")
    assert Entry("/real/link", 0o777, "new") in list(files.entries())
    assert list(files.entries("/alias")) == list(files.entries("/real"))
    files.remove("/alias/new")
    assert not files.exists("/real/new")


def test_a_link_that_leads_nowhere_does_not_exist_but_can_be_written_through(files):
    files.link("/link", "/folder/file")
    assert not files.exists("/link")
    with pytest.raises(FileNotFoundError, match="open /link: no such file"):
        files.read("/link")
    files.write("/link", b"now it does")
    assert files.read("/folder/file") == b"now it does"


def test_removing_a_link_leaves_what_it_leads_to(files):
    files.write("/file", b"kept")
    files.link("/link", "/file")
    files.remove("/link")
    assert files.read("/file") == b"kept"
    assert not files.exists("/link")


def test_a_link_replaces_a_file_or_a_link(files):
    files.write("/one", b"1")
    files.write("/two", b"2")
    files.write("/current", b"a file")
    files.link("/current", "/one")
    assert files.read("/current") == b"1"
    files.link("/current", "/two")
    assert files.read("/current") == b"2"
    assert files.read("/one") == b"1"


@pytest.mark.parametrize("links", [{"/a": "/a"}, {"/a": "/b", "/b": "/a"}, {"/a": "a/x"}])
def test_links_in_a_circle_are_an_error(files, links):
    for path, target in links.items():
        files.link(path, target)
    with pytest.raises(OSError, match="too many levels of symbolic links"):
        files.read("/a")


def test_a_long_chain_of_links_is_followed(files):
    files.write("/0", b"end")
    for number in range(1, 41):
        files.link(f"/{number}", f"/{number - 1}")
    assert files.read("/40") == b"end"
    files.link("/41", "/40")
    with pytest.raises(OSError, match="too many levels"):
        files.read("/41")


# --- below a folder of a real machine ----------------------------------------------------


@pytest.mark.parametrize(
    "target", ["/outside", "../outside", "../../../../outside", "/../../outside", "sub/../../../outside"]
)
def test_a_link_cannot_lead_out_of_the_root_folder(tmp_path, rooted, target):
    (tmp_path / "outside").write_bytes(b"the machine's own")
    rooted.link("/link", target)
    with pytest.raises(FileNotFoundError):
        rooted.read("/link")
    rooted.write("/link", b"the host's")
    assert (tmp_path / "outside").read_bytes() == b"the machine's own"
    assert rooted.read("/outside") == b"the host's"


def test_a_link_made_by_someone_else_cannot_lead_out_either(tmp_path, rooted):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"the machine's own")
    (rooted.root / "escape").symlink_to(secret)
    assert not rooted.exists("/escape/key")
    with pytest.raises(FileNotFoundError):
        rooted.read("/escape/key")
    rooted.write("/escape/key", b"the host's")
    assert (secret / "key").read_bytes() == b"the machine's own"
    assert list(secret.iterdir()) == [secret / "key"]


def test_the_root_folder_may_itself_be_behind_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    files = RootedFiles(tmp_path / "alias")
    files.write("/etc/a", b"1")
    assert (tmp_path / "real/etc/a").read_bytes() == b"1"
    assert [entry.path for entry in files.entries()] == ["/etc/a"]


def test_a_root_folder_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        RootedFiles(tmp_path / "missing")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(rooted):
    rooted.write("/etc/key", b"old", 0o600)

    def fail():
        raise LookupError("no content")

    with pytest.raises(LookupError):
        rooted.write("/etc/key", fail)
    with pytest.raises(TypeError):
        rooted.write("/etc/key", lambda: "text instead of bytes")
    assert rooted.read("/etc/key") == b"old"
    assert [path.name for path in (rooted.root / "etc").iterdir()] == ["key"]


def test_a_reader_with_the_old_file_open_keeps_reading_it(rooted):
    rooted.write("/key", b"old")
    with (rooted.root / "key").open("rb") as held:
        rooted.write("/key", b"new")
        assert held.read() == b"old"
    assert rooted.read("/key") == b"new"


def test_what_a_crash_left_beside_a_file_is_no_obstacle(rooted):
    (rooted.root / ".key.joinsim").write_bytes(b"half")
    (rooted.root / ".link.joinsim").symlink_to("nowhere")
    rooted.write("/key", b"whole", 0o600)
    rooted.link("/link", "key")
    assert rooted.read("/link") == b"whole"
    assert sorted(path.name for path in rooted.root.iterdir()) == ["key", "link"]


def test_a_file_that_was_too_open_is_closed_when_it_is_written_again(rooted):
    (rooted.root / "key").write_bytes(b"old")
    (rooted.root / "key").chmod(0o666)
    rooted.write("/key", b"new", 0o600)
    assert stat.S_IMODE((rooted.root / "key").stat().st_mode) == 0o600


# --- both disks do the same whatever happens ---------------------------------------------

_PATHS = st.sampled_from(["/a", "/b", "/a/c", "/b/c", "/a/c/d", "/a/../b", "/"])
_TARGETS = st.sampled_from(["/a", "b", "../b", "/a/c", "c", "/missing", "/"])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), _PATHS, st.binary(max_size=3)),
        st.tuples(st.just("link"), _PATHS, _TARGETS),
        st.tuples(st.just("remove"), _PATHS),
        st.tuples(st.just("make_directory"), _PATHS),
        st.tuples(st.just("read"), _PATHS),
        st.tuples(st.just("exists"), _PATHS),
    ),
    max_size=12,
)


def _does(files, step):
    name, *arguments = step
    try:
        return getattr(files, name)(*arguments)
    except OSError:
        return "refused"


@given(_STEPS)
def test_both_disks_answer_alike(tmp_path_factory, steps):
    memory, rooted = MemoryFiles(), RootedFiles(tmp_path_factory.mktemp("root"))
    for step in steps:
        assert _does(memory, step) == _does(rooted, step), step
        assert list(memory.entries()) == list(rooted.entries()), step
