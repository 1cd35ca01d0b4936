"""Which installed versions a text names: ranges, single ones, those with the same beginning, and all."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastcall.conformance.model.versions import VersionsError, check_versions, names_version


@pytest.mark.parametrize(
    ("versions", "installed", "named"),
    [
        ("", "2.8.9", True),
        ("", "whatever it says", True),
        (">=2.8,<2.8.9", "2.8.7", True),
        (">=2.8,<2.8.9", "2.8.9", False),
        (">=2.8,<2.8.9", "2.8.10", False),
        (" >= 2.8 , < 2.8.9 ", "2.8.8", True),
        ("<2.10", "2.9", True),
        ("==2.8.*", "2.8.9", True),
        ("==2.8.*", "2.80.1", False),
        ("!=2.8.3", "2.8.4", True),
        ("~=2.8", "2.99", True),
        # written otherwise than Python packages write theirs
        (">=2.11", "v2.11.9", True),
        ("<2.11", "v2.11.9", False),
        (">=1.26,<1.27", "go1.26.8", True),
        (">=0.60", "go1.26.8 x/net v0.62.0", True),
        (">=2.4.4", "2.4.4.Final", True),
        ("<2.4.4", "2.4.4.Final", False),
        (">=17.0.15", "17.0.15+6-Debian-1deb12u1", True),
        ("<2.4.66", "2.4.66-1~deb12u2", False),
        ("==2.4.66", "2.4.66-1~deb12u2", True),
        (">=1", "unknown", False),
        ("<1", "unknown", False),
        # pre-releases, and what only pip puts behind a number
        (">=3.0", "3.1rc1", True),
        (">=2.0.30", "2.0.30.post1", True),
        ("==0.1.0", "0.1.0+local", True),
        # one version, by its text
        ("2.4.66-1~deb12u2", "2.4.66-1~deb12u2", True),
        ("2.4.66-1~deb12u2", "2.4.66-1~deb12u3", False),
        ("12.1.2", "12.1.2", True),
        ("12.1.2", "12.1.20", False),
        ("go1.26.8", "go1.26.8", True),
        ("go1.26.8 x/net v0.62.0", "go1.26.8 x/net v0.62.0", True),
        ("go1.26.*", "go1.26.8", True),
        ("go1.26.*", "go1.27.0", False),
        ("2.4.66-1~deb12u*", "2.4.66-1~deb12u2", True),
        ("*", "anything", True),
    ],
)
def test_which_versions_are_named(versions, installed, named):
    check_versions(versions)
    assert names_version(versions, installed) is named


@pytest.mark.parametrize("versions", [">=", "=2.8", ">=two", "==2.*.1", "<2.8 or >3"])
def test_a_range_that_cannot_be_read_is_refused(versions):
    with pytest.raises(VersionsError, match=r"is no range of versions; one is written as '>=2\.8,<2\.8\.9' or"):
        check_versions(versions)


@pytest.mark.parametrize("versions", ["2.8,2.9", "2.*.1", "2.8, >=2.9"])
def test_a_list_is_not_taken_for_one_version(versions):
    with pytest.raises(VersionsError, match="is neither a range such as"):
        check_versions(versions)


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_can_be_read_answers_for_any_version(versions, installed):
    with contextlib.suppress(VersionsError):
        check_versions(versions)
        assert isinstance(names_version(versions, installed), bool)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=4))
def test_a_version_is_at_least_and_at_most_itself_and_not_below(numbers):
    version = ".".join(map(str, numbers))
    assert names_version(f">={version}", version)
    assert names_version(f"<={version}", version)
    assert names_version(version, version)
    assert not names_version(f"<{version}", version)
