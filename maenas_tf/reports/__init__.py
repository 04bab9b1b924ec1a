"""Reports about many searches."""
