//! Presets: the settings of known products, by their own names and with the figures that they document as defaults.
//!
//! A preset sets what its figures say and touches nothing else; every setting stays to be seen and changed. Where a product
//! has no limit, ours is [`ENDLESS`]. Where it has no such thing at all, nothing is said about it.

use super::limits;
use super::link::{Backoff, Guarantee, Jitter, Order, Share, StartAt, Subscription};
use super::node::{Function, OverLimit};
use super::quantity::ByteSize;
use super::time::SimDuration;
use super::topic::{Compaction, Dedup, Retention, Topic};

/// As good as no limit to deliveries or to what is in flight: a file and a field can hold it.
pub const ENDLESS: u32 = 1_000_000;

/// A default of a product, and the setting of ours that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Our setting, as the file calls it: `ack_wait`.
    pub setting: &'static str,
    /// Its value, as the file writes it: `30s`.
    pub value: &'static str,
    /// What the product calls it, and its default there.
    pub theirs: &'static str,
    /// The page of the product's documentation that says so.
    pub source: &'static str,
}

/// Settings of a product for one kind of thing: a topic, a subscription, a function.
#[derive(Debug)]
pub struct Preset<T: 'static> {
    /// The product's own name.
    pub label: &'static str,
    /// What it is for, in a sentence.
    pub tip: &'static str,
    /// Everything that it sets, each with its source.
    pub figures: &'static [Figure],
    apply: fn(&mut T),
}

impl<T> Preset<T> {
    /// Sets what the figures say.
    pub fn apply(&self, to: &mut T) {
        (self.apply)(to);
    }
}

/// A row of a product's table of figures.
const fn figure(setting: &'static str, value: &'static str, theirs: &'static str, source: &'static str) -> Figure {
    Figure { setting, value, theirs, source }
}

const KAFKA_TOPIC: &str = "Apache Kafka, Topic Configs";
const KAFKA_BROKER: &str = "Apache Kafka, Broker Configs";
const KAFKA_CONSUMER: &str = "Apache Kafka, Consumer Configs";
const SQS_PARAMETERS: &str = "Amazon SQS Developer Guide, Configuring queue parameters";
const SQS_QUOTAS: &str = "Amazon SQS Developer Guide, Message quotas";
const SQS_RECEIVE: &str = "Amazon SQS API Reference, ReceiveMessage";
const SQS_DEAD_LETTERS: &str = "Amazon SQS Developer Guide, Dead-letter queues";
const SQS_ORDER: &str = "Amazon SQS Developer Guide, FIFO delivery logic";
const SQS_DEDUP: &str = "Amazon SQS Developer Guide, Exactly-once processing";
const SQS_STANDARD: &str = "Amazon SQS Developer Guide, Standard queues";
const SQS_VISIBILITY: &str = "Amazon SQS Developer Guide, Visibility timeout";
const RABBIT_QUORUM: &str = "RabbitMQ, Quorum Queues";
const RABBIT_CONSUMERS: &str = "RabbitMQ, Consumers";
const RABBIT_PREFETCH: &str = "RabbitMQ, Consumer Prefetch";
const NATS_STREAMS: &str = "NATS, JetStream Streams";
const NATS_CONSUMERS: &str = "NATS, JetStream Consumers";
const LAMBDA_ASYNC: &str = "AWS Lambda Developer Guide, Error handling for asynchronous invocation";
const LAMBDA_QUOTAS: &str = "AWS Lambda Developer Guide, Lambda quotas";
const LAMBDA_SCALING: &str = "AWS Lambda Developer Guide, Scaling behavior";
const LAMBDA_TIMEOUT: &str = "AWS Lambda Developer Guide, Configure function timeout";
const LAMBDA_MEMORY: &str = "AWS Lambda Developer Guide, Configure function memory";
const EVENTBRIDGE_RETRY: &str = "Amazon EventBridge User Guide, Retrying event delivery";

const WEEK: SimDuration = SimDuration::from_secs(7 * 86_400);
const TEN_YEARS: SimDuration = SimDuration::from_nanos(limits::DURATION_NANOS);

impl Preset<Topic> {
    /// Every preset of topics.
    pub const TOPICS: &'static [Self] = &[
        Self {
            label: "Kafka topic",
            tip: "A log that is kept for a week, whoever has read it",
            figures: &[
                figure("partitions", "1", "num.partitions = 1", KAFKA_BROKER),
                figure("keep", "7d", "retention.ms = 604800000", KAFKA_TOPIC),
                figure("keep_records", "unset", "no limit by count", KAFKA_TOPIC),
                figure("keep_bytes", "unset", "retention.bytes = -1", KAFKA_TOPIC),
                figure("retention", "Limits", "cleanup.policy = delete", KAFKA_TOPIC),
                figure("compact", "unset", "cleanup.policy = delete", KAFKA_TOPIC),
            ],
            apply: |topic| {
                keep_for(topic, Some(WEEK), Retention::Limits);
                (topic.partitions, topic.compact) = (1, None);
            },
        },
        Self {
            label: "Kafka compacted topic",
            tip: "A log that keeps the last record of each key",
            figures: &[
                figure("partitions", "1", "num.partitions = 1", KAFKA_BROKER),
                figure("keep", "unset", "cleanup.policy = compact", KAFKA_TOPIC),
                figure("keep_records", "unset", "cleanup.policy = compact", KAFKA_TOPIC),
                figure("keep_bytes", "unset", "cleanup.policy = compact", KAFKA_TOPIC),
                figure("retention", "Limits", "cleanup.policy = compact", KAFKA_TOPIC),
                figure("compact.every", "15s", "log.cleaner.backoff.ms = 15000", KAFKA_BROKER),
                figure("compact.keep_deletes", "1d", "delete.retention.ms = 86400000", KAFKA_TOPIC),
            ],
            apply: |topic| {
                keep_for(topic, None, Retention::Limits);
                (topic.partitions, topic.compact) = (1, Some(Compaction::default()));
            },
        },
        Self {
            label: "SQS standard queue",
            tip: "A message stays until one consumer has deleted it, at most four days",
            figures: &[
                figure("partitions", "1", "a queue has no partitions", SQS_STANDARD),
                figure("keep", "4d", "MessageRetentionPeriod = 345600", SQS_PARAMETERS),
                figure("keep_records", "unset", "no limit to what is stored", SQS_QUOTAS),
                figure("keep_bytes", "unset", "no limit to what is stored", SQS_QUOTAS),
                figure("retention", "WorkQueue", "DeleteMessage", SQS_STANDARD),
                figure("compact", "unset", "no compaction", SQS_STANDARD),
                figure("dedup", "unset", "no deduplication", SQS_STANDARD),
            ],
            apply: |topic| {
                keep_for(topic, Some(SimDuration::from_secs(4 * 86_400)), Retention::WorkQueue);
                (topic.partitions, topic.compact, topic.dedup) = (1, None, None);
            },
        },
        Self {
            label: "SQS FIFO queue",
            tip: "As a standard queue, and a message that is sent twice within five minutes is stored once",
            figures: &[
                figure("partitions", "1", "a queue has no partitions", SQS_STANDARD),
                figure("keep", "4d", "MessageRetentionPeriod = 345600", SQS_PARAMETERS),
                figure("keep_records", "unset", "no limit to what is stored", SQS_QUOTAS),
                figure("keep_bytes", "unset", "no limit to what is stored", SQS_QUOTAS),
                figure("retention", "WorkQueue", "DeleteMessage", SQS_STANDARD),
                figure("compact", "unset", "no compaction", SQS_STANDARD),
                figure("dedup.window", "5m", "deduplication interval of 5 minutes", SQS_DEDUP),
            ],
            apply: |topic| {
                keep_for(topic, Some(SimDuration::from_secs(4 * 86_400)), Retention::WorkQueue);
                (topic.partitions, topic.compact) = (1, None);
                topic.dedup.get_or_insert_default().window = SimDuration::from_secs(300);
            },
        },
        Self {
            label: "RabbitMQ quorum queue",
            tip: "A message stays until one consumer has acknowledged it",
            figures: &[
                figure("partitions", "1", "a queue has no partitions", RABBIT_QUORUM),
                figure("keep", "unset", "message-ttl is not set", RABBIT_QUORUM),
                figure("keep_records", "unset", "max-length is not set", RABBIT_QUORUM),
                figure("keep_bytes", "unset", "max-length-bytes is not set", RABBIT_QUORUM),
                figure("retention", "WorkQueue", "basic.ack", RABBIT_QUORUM),
                figure("compact", "unset", "no compaction", RABBIT_QUORUM),
                figure("dedup", "unset", "no deduplication", RABBIT_QUORUM),
            ],
            apply: |topic| {
                keep_for(topic, None, Retention::WorkQueue);
                (topic.partitions, topic.compact, topic.dedup) = (1, None, None);
            },
        },
        Self {
            label: "JetStream stream",
            tip: "A log without limits: everything is kept, here for ten years",
            figures: &[
                figure("partitions", "1", "a stream has no partitions", NATS_STREAMS),
                figure("keep", "3650d", "MaxAge = 0: no limit", NATS_STREAMS),
                figure("keep_records", "unset", "MaxMsgs = -1", NATS_STREAMS),
                figure("keep_bytes", "unset", "MaxBytes = -1", NATS_STREAMS),
                figure("retention", "Limits", "Retention = LimitsPolicy", NATS_STREAMS),
                figure("compact", "unset", "MaxMsgsPerSubject = -1", NATS_STREAMS),
                figure("dedup.window", "2m", "Duplicates = 2 minutes", NATS_STREAMS),
            ],
            apply: |topic| {
                keep_for(topic, Some(TEN_YEARS), Retention::Limits);
                (topic.partitions, topic.compact) = (1, None);
                topic.dedup.get_or_insert_default().window = Dedup::WINDOW;
            },
        },
        Self {
            label: "JetStream work queue",
            tip: "A message stays until one consumer has acknowledged it",
            figures: &[
                figure("partitions", "1", "a stream has no partitions", NATS_STREAMS),
                figure("keep", "unset", "MaxAge = 0: no limit", NATS_STREAMS),
                figure("keep_records", "unset", "MaxMsgs = -1", NATS_STREAMS),
                figure("keep_bytes", "unset", "MaxBytes = -1", NATS_STREAMS),
                figure("retention", "WorkQueue", "Retention = WorkQueuePolicy", NATS_STREAMS),
                figure("compact", "unset", "MaxMsgsPerSubject = -1", NATS_STREAMS),
                figure("dedup.window", "2m", "Duplicates = 2 minutes", NATS_STREAMS),
            ],
            apply: |topic| {
                keep_for(topic, None, Retention::WorkQueue);
                (topic.partitions, topic.compact) = (1, None);
                topic.dedup.get_or_insert_default().window = Dedup::WINDOW;
            },
        },
    ];
}

fn keep_for(topic: &mut Topic, keep: Option<SimDuration>, retention: Retention) {
    (topic.keep, topic.keep_records, topic.keep_bytes, topic.retention) = (keep, None, None, retention);
}

impl Preset<Subscription> {
    /// Every preset of subscriptions.
    pub const SUBSCRIPTIONS: &'static [Self] = &[
        Self {
            label: "Kafka consumer group",
            tip: "Each member reads its partitions in order, and is taken for dead if it does not poll for five minutes",
            figures: &[
                figure("share", "Partition", "group.id", KAFKA_CONSUMER),
                figure("from", "End", "auto.offset.reset = latest", KAFKA_CONSUMER),
                figure("guarantee", "AtLeastOnce", "enable.auto.commit = true, with the next poll", KAFKA_CONSUMER),
                figure("ack_wait", "5m", "max.poll.interval.ms = 300000", KAFKA_CONSUMER),
                figure("deliveries", "1000000", "read until its offset is committed", KAFKA_CONSUMER),
                figure("backoff", "None", "read again at once", KAFKA_CONSUMER),
                figure("max_in_flight", "1000000", "no limit to the group as a whole", KAFKA_CONSUMER),
                figure("prefetch", "500", "max.poll.records = 500", KAFKA_CONSUMER),
                figure("order", "Strict", "a partition is read in order", KAFKA_CONSUMER),
                figure("priority", "unset", "no priorities", KAFKA_CONSUMER),
                figure("delay", "0s", "no delays", KAFKA_CONSUMER),
            ],
            apply: |sub| {
                at_least_once(sub, SimDuration::from_secs(300), ENDLESS, Backoff::None);
                (sub.share, sub.from, sub.order, sub.priority) = (Share::Partition, StartAt::End, Order::Strict, None);
                (sub.max_in_flight, sub.prefetch, sub.delay) = (ENDLESS, Some(500), SimDuration::ZERO);
            },
        },
        Self {
            label: "SQS standard queue",
            tip: "What was received is out of sight for 30 seconds, and comes again unless it was deleted",
            figures: &[
                figure("share", "Queue", "competing consumers", SQS_STANDARD),
                figure("guarantee", "AtLeastOnce", "at-least-once delivery", SQS_STANDARD),
                figure("ack_wait", "30s", "VisibilityTimeout = 30", SQS_PARAMETERS),
                figure("deliveries", "1000000", "RedrivePolicy is not set", SQS_DEAD_LETTERS),
                figure("backoff", "Fixed(30s)", "VisibilityTimeout = 30", SQS_VISIBILITY),
                figure("max_in_flight", "120000", "120,000 messages in flight", SQS_QUOTAS),
                figure("prefetch", "1", "MaxNumberOfMessages = 1", SQS_RECEIVE),
                figure("order", "Relaxed", "best-effort ordering", SQS_STANDARD),
                figure("priority", "unset", "no priorities", SQS_STANDARD),
                figure("delay", "0s", "DelaySeconds = 0", SQS_PARAMETERS),
            ],
            apply: |sub| sqs(sub, Order::Relaxed),
        },
        Self {
            label: "SQS FIFO queue",
            tip: "As a standard queue, but of a message group at most one is in flight, and the next one waits for it",
            figures: &[
                figure("share", "Queue", "competing consumers", SQS_STANDARD),
                figure("guarantee", "AtLeastOnce", "at-least-once delivery", SQS_STANDARD),
                figure("ack_wait", "30s", "VisibilityTimeout = 30", SQS_PARAMETERS),
                figure("deliveries", "1000000", "RedrivePolicy is not set", SQS_DEAD_LETTERS),
                figure("backoff", "Fixed(30s)", "VisibilityTimeout = 30", SQS_VISIBILITY),
                figure("max_in_flight", "120000", "120,000 messages in flight", SQS_QUOTAS),
                figure("prefetch", "1", "MaxNumberOfMessages = 1", SQS_RECEIVE),
                figure("order", "Strict", "MessageGroupId", SQS_ORDER),
                figure("priority", "unset", "no priorities", SQS_STANDARD),
                figure("delay", "0s", "DelaySeconds = 0", SQS_PARAMETERS),
            ],
            apply: |sub| sqs(sub, Order::Strict),
        },
        Self {
            label: "RabbitMQ quorum queue",
            tip: "What is not acknowledged within half an hour comes again, at most twenty times",
            figures: &[
                figure("share", "Queue", "competing consumers", RABBIT_CONSUMERS),
                figure("guarantee", "AtLeastOnce", "manual acknowledgements", RABBIT_CONSUMERS),
                figure("ack_wait", "30m", "consumer_timeout = 1800000", RABBIT_CONSUMERS),
                figure("deliveries", "21", "delivery-limit = 20: redelivered 20 times", RABBIT_QUORUM),
                figure("backoff", "None", "requeued at once", RABBIT_QUORUM),
                figure("max_in_flight", "1000000", "no limit to the queue as a whole", RABBIT_PREFETCH),
                figure("prefetch", "1000000", "basic.qos prefetch-count = 0: no limit", RABBIT_PREFETCH),
                figure("order", "Relaxed", "what is requeued may be overtaken", RABBIT_QUORUM),
                figure("delay", "0s", "no delays", RABBIT_QUORUM),
            ],
            apply: |sub| {
                at_least_once(sub, SimDuration::from_secs(1_800), 21, Backoff::None);
                (sub.share, sub.order, sub.delay) = (Share::Queue, Order::Relaxed, SimDuration::ZERO);
                (sub.max_in_flight, sub.prefetch) = (ENDLESS, Some(ENDLESS));
            },
        },
        Self {
            label: "JetStream consumer",
            tip: "What is not acknowledged within 30 seconds comes again, for ever; at most a thousand are under way",
            figures: &[
                figure("share", "Queue", "competing subscribers", NATS_CONSUMERS),
                figure("from", "Start", "DeliverPolicy = all", NATS_CONSUMERS),
                figure("guarantee", "AtLeastOnce", "AckPolicy = explicit", NATS_CONSUMERS),
                figure("ack_wait", "30s", "AckWait = 30 s", NATS_CONSUMERS),
                figure("deliveries", "1000000", "MaxDeliver = -1", NATS_CONSUMERS),
                figure("backoff", "None", "BackOff is not set", NATS_CONSUMERS),
                figure("max_in_flight", "1000", "MaxAckPending = 1000", NATS_CONSUMERS),
                figure("order", "Relaxed", "what is redelivered may be overtaken", NATS_CONSUMERS),
                figure("priority", "unset", "no priorities", NATS_CONSUMERS),
            ],
            apply: |sub| {
                at_least_once(sub, Subscription::ACK_WAIT, ENDLESS, Backoff::None);
                (sub.share, sub.from, sub.order, sub.priority) = (Share::Queue, StartAt::Start, Order::Relaxed, None);
                sub.max_in_flight = Subscription::MAX_IN_FLIGHT;
            },
        },
        Self {
            label: "Lambda async",
            tip: "What fails is tried again after one minute and after two more; what is older than six hours is discarded",
            figures: &[
                figure("guarantee", "AtLeastOnce", "the queue may hand an event over more than once", LAMBDA_ASYNC),
                figure("ack_wait", "15m", "the longest Timeout there is: 900 s", LAMBDA_QUOTAS),
                figure("deliveries", "3", "MaximumRetryAttempts = 2", LAMBDA_ASYNC),
                figure("backoff.base", "1m", "one minute before the first retry", LAMBDA_ASYNC),
                figure("backoff.cap", "2m", "two minutes before the second one", LAMBDA_ASYNC),
                figure("backoff.jitter", "None", "no jitter is said", LAMBDA_ASYNC),
                figure("ttl", "6h", "MaximumEventAgeInSeconds = 21600", LAMBDA_ASYNC),
            ],
            apply: |sub| {
                let (base, cap) = (SimDuration::from_secs(60), SimDuration::from_secs(120));
                let backoff = Backoff::Exponential { base, cap, jitter: Jitter::None };
                at_least_once(sub, SimDuration::from_secs(900), 3, backoff);
                sub.ttl = Some(SimDuration::from_secs(6 * 3_600));
            },
        },
        Self {
            label: "EventBridge rule",
            tip: "What its target does not take is tried again for a day, up to 185 times",
            figures: &[
                figure("guarantee", "AtLeastOnce", "retried until the target takes it", EVENTBRIDGE_RETRY),
                figure("deliveries", "186", "MaximumRetryAttempts = 185", EVENTBRIDGE_RETRY),
                figure("backoff.jitter", "Full", "exponential back off and jitter", EVENTBRIDGE_RETRY),
                figure("ttl", "1d", "MaximumEventAgeInSeconds = 86400", EVENTBRIDGE_RETRY),
            ],
            apply: |sub| {
                // How it begins and where it ends is not documented: that stays as it is.
                let backoff = match sub.backoff {
                    Backoff::Exponential { base, cap, jitter: _ } => {
                        Backoff::Exponential { base, cap, jitter: Jitter::Full }
                    }
                    Backoff::None | Backoff::Fixed(_) => Backoff::default(),
                };
                at_least_once(sub, sub.ack_wait, 186, backoff);
                sub.ttl = Some(SimDuration::from_secs(86_400));
            },
        },
    ];
}

fn at_least_once(sub: &mut Subscription, ack_wait: SimDuration, deliveries: u32, backoff: Backoff) {
    sub.guarantee = Guarantee::AtLeastOnce;
    (sub.ack_wait, sub.deliveries, sub.backoff) = (ack_wait, deliveries, backoff);
}

fn sqs(sub: &mut Subscription, order: Order) {
    let visibility = SimDuration::from_secs(30);
    at_least_once(sub, visibility, ENDLESS, Backoff::Fixed(visibility));
    (sub.share, sub.order, sub.priority, sub.delay) = (Share::Queue, order, None, SimDuration::ZERO);
    (sub.max_in_flight, sub.prefetch) = (120_000, Some(1));
}

impl Preset<Function> {
    /// Every preset of functions.
    pub const FUNCTIONS: &'static [Self] = &[Self {
        label: "Lambda function",
        tip: "A thousand instances, three seconds, 128 MB",
        figures: &[
            figure("instances", "1000", "Concurrent executions = 1,000", LAMBDA_QUOTAS),
            figure("provisioned", "0", "no provisioned concurrency", LAMBDA_SCALING),
            figure("scale_out", "1000", "1,000 execution environments every 10 seconds", LAMBDA_SCALING),
            figure("over_limit", "Queue", "throttled events go back to the queue", LAMBDA_ASYNC),
            figure("timeout", "3s", "Timeout = 3", LAMBDA_TIMEOUT),
            figure("memory", "128 MiB", "MemorySize = 128", LAMBDA_MEMORY),
        ],
        apply: |function| {
            (function.instances, function.provisioned, function.scale_out) = (1_000, 0, Function::SCALE_OUT);
            (function.over_limit, function.timeout) = (OverLimit::Queue, Some(SimDuration::from_secs(3)));
            function.memory = ByteSize::from_bytes(128 << 20);
        },
    }];
}
