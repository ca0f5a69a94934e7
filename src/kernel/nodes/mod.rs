//! One file a kind of node.

mod function;
mod gateway;
mod producer;
mod stream;
mod worker;

pub(super) use self::gateway::{GatewayState, has_gateways};
pub use self::stream::StreamNow;
pub(super) use self::stream::stream_of;
pub(super) use self::worker::Planned;
