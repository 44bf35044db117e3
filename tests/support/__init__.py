"""What tests share: fakes, a client, ways to make things."""
