//! One file a kind of node, or of what nodes keep.

mod function;
mod gateway;
mod outbox;
mod producer;
mod saga;
mod store;
mod stream;
mod worker;

pub(super) use self::gateway::{GatewayState, has_gateways};
pub use self::outbox::OutboxNow;
pub(super) use self::outbox::{OutboxState, Unsent};
pub(super) use self::saga::SagasState;
pub use self::saga::{SagaNow, SagaWay, SagasNow};
pub(super) use self::store::StoreState;
pub use self::store::{StoreCounts, StoreNow, StoreRow};
pub use self::stream::StreamNow;
pub(super) use self::stream::stream_of;
pub(super) use self::worker::Planned;
