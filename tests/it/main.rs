//! One binary of integration tests, a file a behaviour.

mod expr;
