"""Small complete programs; the pages show them and the tests run them."""
