//! Empty: the tests of this package are all there is to it.
#![forbid(unsafe_code)]
