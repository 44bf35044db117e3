"""Limits for ICC profiles; what hostile ones cost is measured in tests/hostile/test_profiles.py."""

from workers.imaging.colour.profile import MAX_BYTES, bounded


def test_a_profile_is_read_up_to_its_largest_size_and_not_beyond() -> None:
    assert bounded(bytes(MAX_BYTES)) == bytes(MAX_BYTES)
    assert bounded(bytes(MAX_BYTES + 1)) is None
