//! Which sign stands for what: one family (Phosphor, regular weight), named here once.

use egui_phosphor::regular as ph;

use crate::model::KindTag;
use crate::session::LogKind;

/// A kind of node.
pub(crate) const fn kind(tag: KindTag) -> &'static str {
    match tag {
        KindTag::Producer => ph::BROADCAST,
        KindTag::Bus => ph::ROWS,
        KindTag::Consumer => ph::TRAY_ARROW_DOWN,
        KindTag::Service => ph::CUBE,
        KindTag::Function => ph::FUNCTION,
        KindTag::DeadLetterQueue => ph::ARCHIVE,
        KindTag::Gateway => ph::ARROWS_LEFT_RIGHT,
        KindTag::Note => ph::NOTE,
    }
}

/// A line of the log.
pub(crate) const fn log(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Emitted => ph::BROADCAST,
        LogKind::Accepted => ph::ROWS,
        LogKind::Rejected => ph::PROHIBIT,
        LogKind::Delivered => ph::ARROW_RIGHT,
        LogKind::Started => ph::PLAY,
        LogKind::Handled => ph::CHECK,
        LogKind::Failed => ph::X,
        LogKind::Retrying => ph::ARROW_CLOCKWISE,
        LogKind::DeadLettered => ph::ARCHIVE,
        LogKind::Dropped => ph::TRASH,
        LogKind::Expired => ph::HOURGLASS_LOW,
        LogKind::Evicted => ph::CLOCK_COUNTDOWN,
        LogKind::Recognised => ph::CHECKS,
        LogKind::Backpressure => ph::HAND_PALM,
        LogKind::Instance => ph::FUNCTION,
        LogKind::Rebalanced => ph::ARROWS_LEFT_RIGHT,
        LogKind::Edited => ph::PENCIL_SIMPLE,
        LogKind::Notice => ph::INFO,
    }
}
