//! What a topic does besides keeping records by age and number: most do none of it.

use crate::expr::Program;
use crate::model::{Compaction, Retention};

/// The rules of such a topic.
pub(crate) struct TopicRules {
    /// `u64::MAX` for no limit.
    pub(crate) keep_bytes: u64,
    pub(crate) retention: Retention,
    pub(crate) compact: Option<Compaction>,
    pub(crate) dedup: Option<DedupPlan>,
}

impl TopicRules {
    /// Whether records stay although all have settled them, or go although nobody limits them: the log keeps account.
    pub(crate) fn keeps(&self) -> bool {
        let Self { keep_bytes, retention, compact, dedup: _ } = self;
        *keep_bytes != u64::MAX || *retention != Retention::Limits || compact.is_some()
    }
}

/// How a topic recognises what it has stored already.
pub(crate) struct DedupPlan {
    pub(crate) window: u64,
    /// What tells messages apart; unset means the event's id.
    pub(crate) id: Option<Program>,
}
