"""That there is something to test with: tests that all skip would pass for the wrong reason."""

import pytest

from tests.clients.kubectls import MACHINE, PACKAGES, UnavailableError, find, minor_version


@pytest.mark.clients
def test_there_is_at_least_one_kubectl_to_test_with():
    reasons = []
    for source in (*PACKAGES, MACHINE):
        try:
            assert minor_version(find(source)) >= 20
        except UnavailableError as error:
            reasons.append(str(error))
        else:
            return
    pytest.fail("\n".join(["no kubectl can be had:", *reasons]))


@pytest.mark.clients
@pytest.mark.parametrize("source", PACKAGES)
def test_a_package_carries_the_version_that_it_is_named_after(source):
    try:
        binary = find(source)
    except UnavailableError as error:
        pytest.skip(str(error))
    assert f"v{minor_version(binary)}" == source
