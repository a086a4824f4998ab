"""Commands about scenarios: run them, check them."""
