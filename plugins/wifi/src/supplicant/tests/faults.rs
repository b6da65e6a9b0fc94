//! A service of the test's own, which behaves badly.
