//! One file a kind of node.

mod function;
mod producer;
mod stream;
mod worker;

pub use self::stream::StreamNow;
pub(super) use self::stream::stream_of;
pub(super) use self::worker::Planned;
