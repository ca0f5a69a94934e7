//! One file a kind of node.

mod function;
mod gateway;
mod producer;
mod worker;

pub(super) use self::gateway::{GatewayState, has_gateways};
pub(super) use self::worker::Planned;
