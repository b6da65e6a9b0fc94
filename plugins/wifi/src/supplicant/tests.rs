//! Against the real service and against bad ones.
