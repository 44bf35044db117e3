"""From a name to the address that is called: several, changing, silent, forbidden ones."""

import threading
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from shared.errors import CallFailedError
from shared.outbound import Policy, get, post
from shared.outbound.network import NO_ADDRESS, NO_ANSWER
from shared.outbound.policy import OwnServer
from shared.outbound.ranges import Address
from shared.outbound.resolver import MAX_LOOKUPS, look_up, system_resolver
from shared.settings import load
from tests.shared.test_settings import NEEDED
from tests.support.cases import every_case
from tests.support.raw_receiver import Receiver, answer, replies

OK = replies(answer(200))


class Names:
    """A resolver: for each look-up of a name its next addresses, and the last ones for ever."""

    def __init__(self, **answers: list[str]) -> None:
        self._answers = {name.replace("_", "."): texts for name, texts in answers.items()}
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[Address]:
        self.asked.append(name)
        if name not in self._answers:
            raise OSError("Name or service not known")
        texts = self._answers[name]
        text = texts.pop(0) if len(texts) > 1 else texts[0]
        return [ip_address(part) for part in text.split()]


def called(receiver: Receiver, host: str, resolver: Names, **more: Any) -> int:
    policy = receiver.policy(resolver=resolver, **more)
    return post(receiver.url(host=host), b"", {}, policy=policy)


def refused(receiver: Receiver, host: str, resolver: Names, **more: Any) -> str:
    with pytest.raises(CallFailedError) as told:
        called(receiver, host, resolver, **more)
    return told.value.message


def test_a_name_is_looked_up_once_and_keeps_its_place_in_the_host_header() -> None:
    names = Names(hooks_example=["127.0.0.1", "10.0.0.1"])
    with Receiver(OK) as receiver:
        assert called(receiver, "Hooks.Example.", names) == 200
    assert names.asked == ["hooks.example"]
    assert f"Host: hooks.example:{receiver.port}\r\n".encode() in receiver.requests[0]


@every_case(
    "addresses",
    [
        "127.0.0.2",
        "10.0.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "0.0.0.0",  # noqa: S104 - never bound to
        "::1",
        "::",
        "fe80::1%1",
        "::ffff:127.0.0.2",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::1",
        "ff02::1",
        "127.0.0.1 10.0.0.1",
        "10.0.0.1 127.0.0.1",
        "127.0.0.1 8.8.8.8 ::1",
        "",
    ],
)
def test_a_name_with_a_forbidden_address_is_refused_with_all_of_them(addresses: str) -> None:
    with Receiver(OK) as receiver:
        assert refused(receiver, "hooks.example", Names(hooks_example=[addresses])) == NO_ADDRESS
    assert not receiver.connections


def test_a_name_that_does_not_exist_reads_like_one_that_is_refused() -> None:
    with Receiver(OK) as receiver:
        assert refused(receiver, "nowhere.example", Names()) == NO_ADDRESS


def test_a_name_that_changes_between_two_calls_is_judged_each_time() -> None:
    names = Names(hooks_example=["127.0.0.1", "10.0.0.1"])
    with Receiver(OK) as receiver:
        assert called(receiver, "hooks.example", names) == 200
        assert refused(receiver, "hooks.example", names) == NO_ADDRESS


def test_a_mapped_address_is_called_as_the_ipv4_address_it_is() -> None:
    with Receiver(OK) as receiver:
        names = Names(hooks_example=["::ffff:127.0.0.1"])
        assert called(receiver, "hooks.example", names) == 200


def test_a_redirect_to_a_name_with_a_forbidden_address_is_refused() -> None:
    names = Names(hooks_example=["127.0.0.1"], inner_example=["10.0.0.1"])
    with Receiver(replies(answer(302, "Location: http://inner.example/"))) as receiver:
        policy = receiver.policy(resolver=names)
        url = receiver.url(host="hooks.example")
        fetching = get(url, policy=policy, max_bytes=1)
        with pytest.raises(CallFailedError, match=NO_ADDRESS), fetching:
            pass
    assert names.asked == ["hooks.example", "inner.example"]


def test_a_redirect_to_the_same_name_is_looked_up_again() -> None:
    names = Names(hooks_example=["127.0.0.1", "10.0.0.1"])
    with Receiver(replies(answer(302, "Location: /again"))) as receiver:
        policy = receiver.policy(resolver=names)
        url = receiver.url(host="hooks.example")
        fetching = get(url, policy=policy, max_bytes=1)
        with pytest.raises(CallFailedError, match=NO_ADDRESS), fetching:
            pass
    assert receiver.connections == 1


def test_the_next_address_is_called_where_one_does_not_answer() -> None:
    networks = (ip_network("127.0.0.0/30"),)
    names = Names(hooks_example=["127.0.0.2 127.0.0.1"])
    with Receiver(OK) as receiver:
        assert called(receiver, "hooks.example", names, networks=networks) == 200


def test_of_very_many_addresses_only_a_few_are_called() -> None:
    networks = (ip_network("127.0.0.0/16"),)
    many = " ".join(f"127.0.1.{last}" for last in range(1, 255))
    with Receiver(OK) as receiver:
        names = Names(hooks_example=[f"{many} 127.0.0.1"])
        assert refused(receiver, "hooks.example", names, networks=networks) == NO_ANSWER
    assert not receiver.connections


def test_a_name_that_never_resolves_is_given_up_and_fills_no_process() -> None:
    release = threading.Event()

    def silent(_: str) -> list[Address]:
        release.wait(60)
        return [ip_address("127.0.0.1")]

    try:
        with Receiver(OK) as receiver:
            policy = receiver.policy(resolver=silent, step_seconds=0.1)
            with pytest.raises(CallFailedError, match=NO_ADDRESS):
                post(receiver.url(host="silent.example"), b"", {}, policy=policy)
        for _ in range(2 * MAX_LOOKUPS):
            assert look_up("silent.example", silent, seconds=0) == []
        waiting = [one for one in threading.enumerate() if one.name == "look-up"]
        assert len(waiting) == MAX_LOOKUPS
    finally:
        release.set()
        for one in waiting:
            one.join(10)
    assert look_up("a.example", Names(a_example=["8.8.8.8"]), seconds=5)


def test_where_all_places_are_taken_a_look_up_waits_for_one() -> None:
    release = threading.Event()

    def silent(_: str) -> Sequence[Address]:
        release.wait(30)
        return []

    for _ in range(MAX_LOOKUPS):
        look_up("silent.example", silent, seconds=0)
    threading.Timer(0.2, release.set).start()
    assert look_up("a.example", Names(a_example=["8.8.8.8"]), seconds=10)


def test_the_system_resolves_localhost_and_no_name_that_is_none() -> None:
    assert ip_address("127.0.0.1") in system_resolver("localhost")
    for name in ("nowhere.invalid", "a" * 64 + ".example", "xn--\ud800"):
        assert look_up(name, system_resolver, seconds=10) == []


# The service's own servers


@every_case("host", ["127.0.0.1", "127.9.9.9", "hooks.example", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("own", ["127.0.0.1", "localhost", "redis.example"])
def test_an_own_server_is_refused_though_its_network_is_allowed(own: str, host: str) -> None:
    names = Names(hooks_example=["127.0.0.1"], redis_example=["127.0.0.1"], localhost=["127.0.0.1"])
    networks = (ip_network("127.0.0.0/8"),)
    with Receiver(OK) as receiver:
        more = {"networks": networks, "own_servers": (OwnServer(own, receiver.port),)}
        assert refused(receiver, host, names, **more) == NO_ADDRESS
    assert not receiver.connections


def test_a_zone_does_not_hide_an_own_server() -> None:
    policy = Policy(own_servers=(OwnServer("fd12::1", 80),))
    assert policy.is_own([ip_address("fd12::1%2")], 80, seconds=5)


def test_another_port_of_an_own_servers_machine_is_called() -> None:
    names = Names(redis_example=["127.0.0.1"])
    with Receiver(OK) as receiver:
        own = (OwnServer("redis.example", receiver.port - 1), OwnServer("127.0.0.1", 6379))
        assert called(receiver, "127.0.0.1", names, own_servers=own) == 200
    assert not names.asked


def test_another_machine_at_an_own_servers_port_is_called() -> None:
    names = Names(store_example=["8.8.8.8"])
    with Receiver(OK) as receiver:
        own = (OwnServer("store.example", receiver.port), OwnServer("gone.example", receiver.port))
        assert called(receiver, "127.0.0.1", names, own_servers=own) == 200


@every_case(
    "for_clients, address, own",
    [
        (True, "8.8.8.8", False),  # a provider's, with everybody's buckets
        (True, "10.0.0.1", True),
        (False, "8.8.8.8", True),
        (False, "10.0.0.1", True),
    ],
)
def test_a_store_that_clients_reach_is_refused_only_where_it_is_not_public(
    for_clients: bool, address: str, own: bool
) -> None:
    names = Names(store_example=[address])
    servers = (OwnServer("store.example", 443, for_clients),)
    policy = Policy(own_servers=servers, resolver=names)
    assert policy.is_own([ip_address(address)], 443, seconds=5) is own


def test_a_store_with_another_address_for_clients_is_not_for_clients() -> None:
    public = {"S3_PUBLIC_ENDPOINT": "https://images.example"}
    assert not any(one.for_clients for one in Policy.of(load(NEEDED | public)).own_servers)


def test_the_policy_comes_from_the_settings() -> None:
    policy = Policy.of(
        load(
            NEEDED
            | {
                "REDIS_URL": "rediss://:word@redis.example/1",
                "DATABASE_URL": "postgresql://u:word@one.example:6432,[fd12::1]/name?hostaddr=10.0.0.1,fd12::1",
                "S3_ENDPOINT": "https://store.example",
                "FLUXIMAGE_OUTBOUND_PORTS": "8080, 9000-9002",
                "FLUXIMAGE_OUTBOUND_NETWORKS": "10.0.0.0/8, ::1",
            }
        )
    )
    assert policy.ports == {8080, 9000, 9001, 9002}
    assert policy.networks == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert set(policy.own_servers) == {
        OwnServer("redis.example", 6379),
        OwnServer("store.example", 443, for_clients=True),
        OwnServer("one.example", 6432),
        OwnServer("fd12::1", 5432),
        OwnServer("10.0.0.1", 6432),
    }


def test_by_default_nothing_is_allowed_but_what_is_public() -> None:
    policy = Policy.of(load(NEEDED | {"DATABASE_URL": "postgresql:///name?host=/run/postgresql"}))
    assert (policy.ports, policy.networks) == (frozenset(), ())
    assert set(policy.own_servers) == {
        OwnServer("127.0.0.1", 6379),
        OwnServer("127.0.0.1", 9000, for_clients=True),
    }
    assert (policy.step_seconds, policy.call_seconds) == (10, 30)
