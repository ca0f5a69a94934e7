//! Bugs in the machine, planted on purpose: tests show with them that whoever judges the machine would notice.
//!
//! They are there only with the feature `planted`, which the package asks for in its own tests, and only where debug
//! assertions are on. In whatever ships, and in benches, `planted!(SettledTwice)` is the constant `false`.

#[cfg(all(feature = "planted", debug_assertions))]
pub use self::on::*;

/// Whether this bug is planted.
#[cfg(all(feature = "planted", debug_assertions))]
macro_rules! planted {
    ($bug:ident) => {
        $crate::kernel::planted::is($crate::kernel::planted::Planted::$bug)
    };
}

/// No bug is planted.
#[cfg(not(all(feature = "planted", debug_assertions)))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

#[cfg(all(feature = "planted", debug_assertions))]
mod on {
    use std::cell::Cell;

    macro_rules! bugs {
        ($($(#[$doc:meta])* $name:ident,)+) => {
            /// A bug that can be planted.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Planted {
                $($(#[$doc])* $name,)+
            }

            impl Planted {
                /// All of them.
                pub const ALL: &[Self] = &[$(Self::$name,)+];
            }
        };
    }

    bugs! {
        /// An ack settles twice.
        SettledTwice,
        /// An ack that comes after its deadline is refused, though nothing has settled the record yet.
        LateAckRefused,
        /// The ack of an old owner settles.
        OldGenerationCounts,
        /// A record is tried once more than allowed.
        OneTryTooMany,
        /// A record is given up one attempt too soon.
        OneTryTooFew,
        /// A call is tried once more than allowed.
        OneCallTooMany,
        /// A retry is visible a nanosecond before it is due.
        RetriedTooSoon,
        /// What is queued again overtakes what was before.
        RetriesOvertake,
        /// The exponential backoff is one doubling ahead.
        BackoffDoubled,
        /// The ack wait is a nanosecond longer.
        AckWaitOneLonger,
        /// What is given up is dropped, though there is a dead-letter queue.
        DeadLetterMissed,
        /// A dead letter never arrives.
        DeadLetterLost,
        /// A partition moves, and what its old owner has in its hands stays there.
        LostOnRebalance,
        /// A crash takes what was in flight with it.
        CrashForgetsInFlight,
        /// A record goes to the next partition.
        WrongPartition,
        /// The last subscription of a topic gets nothing.
        LastSubscriptionForgotten,
        /// A queue takes one more than its bound.
        QueueOneLonger,
        /// A full queue that drops its oldest drops the newest.
        NothingPushedOut,
        /// One more is in flight than the subscription allows.
        OneInFlightTooMany,
        /// A member is given one more than its prefetch.
        PrefetchOneMore,
        /// What was settled at hand-over is answered all the same.
        SettledAndAnswered,
        /// The hop limit is one higher.
        OneHopTooMany,
        /// An event is as far from its root as its cause.
        HopsNotCounted,
        /// A log keeps one record more.
        KeepsOneMore,
        /// A log keeps a record a nanosecond longer.
        KeepsTooLong,
        /// A fault loses something, and it arrives.
        LostAndArrives,
        /// A fault holds something up, and it takes no longer.
        HeldUpByNothing,
        /// A fault doubles something, and one arrives.
        CopyNeverComes,
        /// A node is slow, and takes no longer.
        SlowInWordsOnly,
        /// A bus that is gone accepts.
        GoneAndAccepts,
        /// A bus that stands still hears answers.
        StandsStillAndHears,
        /// A node does one more at once than it may.
        OneAtOnceTooMany,
        /// A bucket has one more token than its burst.
        OneTokenTooMany,
        /// An ack takes none of its link's delay.
        AnswersAtOnce,
        /// A function gets one more instance within ten seconds.
        ScalesOutOneMore,
        /// An idle instance is kept a nanosecond longer.
        WarmTooLong,
        /// Whoever waits before a full queue waits for ever.
        DoorStaysShut,
        /// A subscription that comes back reads one record again.
        OffsetOneBack,
        /// What is owed to a subscription that is gone ends without a word.
        PurgedInSilence,
        /// Strict order holds nobody back.
        OrderNotKept,
        /// What waits is worth something for a nanosecond longer.
        WorthTooLong,
        /// Of several levels the lowest goes first.
        LowestFirst,
        /// What waits never counts more.
        NeverAges,
        /// A delayed record is in sight a nanosecond too soon.
        SeenTooSoon,
        /// Nobody tells of a gap in the order of a key.
        GapInSilence,
        /// What is read again is told to its member as new.
        ReplayUnmarked,
        /// A seek to a time goes to the record before it.
        SoughtOneBack,
        /// A seek reads one record too few again.
        ReadsOneTooFew,
        /// A call that a link loses is forgotten.
        LostCallForgotten,
        /// What was lost on its way is no attempt of a call.
        LostCallFree,
        /// A topic knows a message for a nanosecond longer.
        KnownTooLong,
        /// A publish that is known already gets the place of the record before.
        KnownAsAnother,
        /// A log keeps some bytes more.
        KeepsSomeBytesMore,
        /// The first ack takes nothing out of a work queue.
        AckTakesNothing,
        /// What nobody wants stays where only interest keeps it.
        KeptForNobody,
        /// The cleaner comes a nanosecond late.
        CleanedLate,
        /// The cleaner takes the last record of a key.
        LastOfKeyTaken,
        /// What was handled is remembered for five milliseconds longer.
        RememberedTooLong,
        /// What was handled is remembered by nobody.
        EffectTwice,
    }

    thread_local! {
        static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    }

    /// Does something with a bug planted in every machine of this thread.
    pub fn with<T>(bug: Planted, run: impl FnOnce() -> T) -> T {
        /// Also if it panics.
        struct Weed;
        impl Drop for Weed {
            fn drop(&mut self) {
                PLANTED.set(None);
            }
        }
        let _weed = Weed;
        PLANTED.set(Some(bug));
        run()
    }

    pub(in super::super) fn is(bug: Planted) -> bool {
        PLANTED.get() == Some(bug)
    }
}
