//! Random sound flows: every setting of every kind of node and link, as far as the file can hold it.
//!
//! Strategies are boxed: by value they nest until they outgrow a test thread's stack.

use eventloom::model::{
    Backoff, Breaker, Bus, ByteSize, Call, Chance, Compaction, Consumer, DeadLetterQueue, Dedup, Distribution, Emit,
    EventName, EventType, Expression, Factor, Fault, FaultKind, FaultTarget, Flow, Function, Gateway, Guarantee,
    Handler, Jitter, JsonText, Key, KindTag, Link, LinkId, LinkKind, Node, NodeId, NodeKind, Note, Order, OverLimit,
    Pacing, Pattern, Pick, Point, Priority, Producer, Publish, QueueLimit, Rail, Rate, RateLimit, RateStep, ReplayPace,
    Retention, Service, Share, SimDuration, Spacing, StartAt, Subscription, Topic, TopicName, WhenFull, limits,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Any sound flow of a handful of nodes and links.
pub(crate) fn sound_flow() -> BoxedStrategy<Flow> {
    let head = (words(), words(), any::<u64>(), 0..200_u32);
    let events = btree_map(event_name(), event_type(), 0..4);
    let nodes = vec((node_name(), node()), 0..10);
    let links = vec((any::<Index>(), any::<Index>(), link_settings()), 0..16);
    let graves = vec((any::<Index>(), any::<Index>()), 0..3);
    let faults = vec((any::<Index>(), any::<Index>(), any::<Index>(), 0..100_u64), 0..4);
    (head, events, nodes, links, graves, faults)
        .prop_map(|(head, events, nodes, links, graves, faults)| {
            let mut flow = Flow::new(&head.0);
            flow.set_note(head.1);
            flow.set_seed(head.2);
            flow.set_hop_limit(head.3);
            for (name, event) in events {
                flow.set_event(name, event);
            }
            for (stem, node) in nodes {
                let id = flow.free_node_id(&stem);
                flow.add_node(id, node).expect("a node that names no other is sound");
            }
            for (from, to, settings) in links {
                add_link(&mut flow, from, to, settings);
            }
            for (from, to) in graves {
                name_dead_letters(&mut flow, from, to);
            }
            for (kind, node, link, millis) in faults {
                let name = flow.free_fault_name("something breaks");
                if let Some(fault) = fault(&flow, kind, node, link, millis) {
                    flow.set_fault(name, fault).expect("few faults");
                }
            }
            flow
        })
        .boxed()
}

/// A fault on one of a flow's nodes or links, where it has such.
pub(crate) fn fault(flow: &Flow, kind: Index, node: Index, link: Index, millis: u64) -> Option<Fault> {
    let kind = *kind.get(&FaultKind::ALL);
    let nodes: Vec<&NodeId> = flow.nodes().keys().collect();
    let links: Vec<&LinkId> = flow.links().keys().collect();
    let on = match (kind.is_for_links() && !links.is_empty(), millis % 3) {
        (true, 0) => FaultTarget::Links(vec![(*link.get(&links)).clone(), (*node.get(&links)).clone()]),
        (true, 1) if kind == FaultKind::Partition => FaultTarget::Node((*node.get(&nodes)).clone()),
        (true, _) => FaultTarget::Link((*link.get(&links)).clone()),
        (false, _) if nodes.is_empty() => return None,
        (false, _) => FaultTarget::Node((*node.get(&nodes)).clone()),
    };
    let lasts = (!millis.is_multiple_of(4)).then(|| SimDuration::from_millis(millis));
    Some(Fault { at: SimDuration::from_millis(millis * 7), lasts, on, kind, note: String::new() })
}

fn add_link(flow: &mut Flow, from: Index, to: Index, settings: LinkSettings) {
    let ids: Vec<NodeId> = flow.nodes().keys().cloned().collect();
    if ids.is_empty() {
        return;
    }
    let (from, to) = (from.get(&ids).clone(), to.get(&ids).clone());
    let Ok(Some(kind)) = flow.possible_link(&from, &to) else { return };
    let kind = match kind {
        LinkKind::Publish(_) => LinkKind::Publish(settings.publish),
        LinkKind::Subscribe(_) => LinkKind::Subscribe(settings.subscription),
        LinkKind::Call(_) => LinkKind::Call(settings.call),
    };
    let id = flow.free_link_id(&from, &to);
    let link = Link { note: settings.note, delay: settings.delay, ..Link::new(from, to, kind) };
    flow.add_link(id, link).expect("what is possible is sound");
}

fn name_dead_letters(flow: &mut Flow, from: Index, to: Index) {
    let is_queue = |node: &Node| node.kind.tag() == KindTag::DeadLetterQueue;
    let queues: Vec<NodeId> =
        flow.nodes().iter().filter(|(_, node)| is_queue(node)).map(|(id, _)| id.clone()).collect();
    let links: Vec<_> = flow.links().keys().cloned().collect();
    if queues.is_empty() || links.is_empty() {
        return;
    }
    let (id, queue) = (from.get(&links), Some(to.get(&queues).clone()));
    let mut link = flow.link(id).expect("it was listed").clone();
    match &mut link.kind {
        LinkKind::Subscribe(subscription) => subscription.dead_letters = queue,
        LinkKind::Call(call) => call.dead_letters = queue,
        LinkKind::Publish(_) => return,
    }
    flow.set_link(id, link).expect("the queue exists");
}

// ---- words and quantities -----------------------------------------------------------------------------------------

/// Text with everything that could upset a file: quotes, hashes, backslashes, line breaks, marks, other scripts.
pub(crate) fn words() -> BoxedStrategy<String> {
    prop_oneof![
        3 => Just(String::new()),
        3 => "[A-Za-z ,.’]{1,40}",
        2 => "[\"#\\\\\n\r\t a-c{}()/*:,'\u{0}\u{202e}\u{feff}é漢🦀]{0,30}",
        1 => "([a-z ]{10,50}\n){2,5}",
        1 => any::<String>(),
    ]
    .boxed()
}

fn node_name() -> BoxedStrategy<String> {
    select(vec!["billing", "stock", "order-store", "bus", "sensor-1", "é-漢"]).prop_map(str::to_owned).boxed()
}

pub(crate) fn event_name() -> BoxedStrategy<EventName> {
    "[a-z]{1,6}(\\.[a-z\"'#]{1,6}){0,2}".prop_map(|text| EventName::new(&text).expect("well-formed")).boxed()
}

fn topic_name() -> BoxedStrategy<TopicName> {
    event_name().prop_map(|event| TopicName::from(&event)).boxed()
}

fn pattern() -> BoxedStrategy<Pattern> {
    let text = prop_oneof![Just(">".to_owned()), "[a-z]{1,6}", "[a-z]{1,4}\\.\\*", "[a-z]{1,4}\\.\\*\\.>"];
    text.prop_map(|text| Pattern::new(&text).expect("well-formed")).boxed()
}

fn expression() -> BoxedStrategy<Expression> {
    prop_oneof![Just("event.data.amount > 100".to_owned()), words()].prop_map(Expression).boxed()
}

pub(crate) fn duration() -> BoxedStrategy<SimDuration> {
    prop_oneof![
        3 => (0..10_000_u64).prop_map(SimDuration::from_millis),
        1 => (0..200_000_u64).prop_map(SimDuration::from_secs),
        1 => (0..=limits::DURATION_NANOS).prop_map(SimDuration::from_nanos),
    ]
    .boxed()
}

fn rate() -> BoxedStrategy<Rate> {
    (0..1_000_000_u64, 0..1_000_u32, select(vec!["s", "min", "h", "d"]))
        .prop_map(|(whole, part, unit)| format!("{whole}.{part:03}/{unit}").parse().expect("within the limit"))
        .boxed()
}

fn factor() -> BoxedStrategy<Factor> {
    (1..10_000_000_u64).prop_map(Factor::from_thousandths).boxed()
}

fn chance() -> BoxedStrategy<Chance> {
    prop_oneof![
        Just(Chance::NEVER),
        Just(Chance::ALWAYS),
        (0..=1_000_000_000_u32).prop_map(Chance::from_billionths),
        (0..=100_u32).prop_map(|percent| Chance::from_billionths(percent * 10_000_000)),
    ]
    .boxed()
}

fn size() -> BoxedStrategy<ByteSize> {
    prop_oneof![0..10_000_u64, (0..64_u64).prop_map(|mib| mib << 20), any::<u64>()]
        .prop_map(ByteSize::from_bytes)
        .boxed()
}

fn point() -> BoxedStrategy<Point> {
    prop_oneof![4 => (0..2000, 0..2000), 1 => (any::<i32>(), any::<i32>())].prop_map(|(x, y)| Point(x, y)).boxed()
}

fn distribution() -> BoxedStrategy<Distribution> {
    prop_oneof![
        duration().prop_map(Distribution::Fixed),
        (duration(), duration()).prop_map(|(min, max)| Distribution::Uniform { min, max }),
        duration().prop_map(|mean| Distribution::Exponential { mean }),
        (duration(), duration()).prop_map(|(mean, deviation)| Distribution::Normal { mean, deviation }),
        (duration(), duration()).prop_map(|(median, p99)| Distribution::LogNormal { median, p99 }),
        (duration(), any::<u32>()).prop_map(|(mean, stages)| Distribution::Erlang { mean, stages }),
        (duration(), duration()).prop_map(|(min, median)| Distribution::Pareto { min, median }),
    ]
    .boxed()
}

fn event_type() -> BoxedStrategy<EventType> {
    let json = || {
        let text = prop_oneof![
            Just("{ \"order\": 1001, \"amount\": 129.90 }".to_owned()),
            Just("{\n  \"type\": \"object\",\n  \"a\\\"b\": [1, null]\n}".to_owned()),
            words().prop_map(|text| serde_json::Value::from(text).to_string()),
        ];
        option::of(text.prop_map(|text| text.parse::<JsonText>().expect("JSON")))
    };
    let terms = (option::of(duration()), any::<u8>(), option::of(duration()));
    (words(), option::of(0..8_u8), option::of(size()), terms, json(), json())
        .prop_map(|(note, color, size, (ttl, priority, delay), example, schema)| EventType {
            note,
            color,
            size,
            ttl,
            priority,
            delay,
            example,
            schema,
        })
        .boxed()
}

// ---- nodes --------------------------------------------------------------------------------------------------------

fn node() -> BoxedStrategy<Node> {
    (words(), point(), words(), kind()).prop_map(|(name, at, note, kind)| Node { name, at, note, kind }).boxed()
}

fn kind() -> BoxedStrategy<NodeKind> {
    prop_oneof![
        1 => producer().prop_map(NodeKind::Producer),
        2 => bus().prop_map(NodeKind::Bus),
        1 => consumer().prop_map(NodeKind::Consumer),
        2 => service().prop_map(NodeKind::Service),
        1 => function().prop_map(NodeKind::Function),
        1 => option::of(0..1_000_u64)
            .prop_map(|keep_records| NodeKind::DeadLetterQueue(DeadLetterQueue { keep_records })),
        1 => (producer(), pattern(), duration()).prop_map(|(requests, replies, deadline)| {
            NodeKind::Gateway(Box::new(Gateway { requests, replies, deadline }))
        }),
        1 => (words(), point()).prop_map(|(text, size)| NodeKind::Note(Note { text, size })),
        2 => select(KindTag::ALL.to_vec()).prop_map(KindTag::default_kind),
    ]
    .boxed()
}

fn producer() -> BoxedStrategy<Producer> {
    (event_name(), pacing(), key(), option::of(expression()), duration(), option::of(any::<u64>()))
        .prop_map(|(emits, rate, key, data, after, stops_after)| Producer {
            emits,
            rate,
            key,
            data,
            after,
            stops_after,
        })
        .boxed()
}

fn pacing() -> BoxedStrategy<Pacing> {
    let step = (duration(), rate()).prop_map(|(at, rate)| RateStep { at, rate });
    let spacing = select(vec![Spacing::Random, Spacing::Even]);
    let pace = prop_oneof![
        Just(ReplayPace::Recorded),
        factor().prop_map(ReplayPace::Times),
        rate().prop_map(ReplayPace::Every)
    ];
    prop_oneof![
        Just(Pacing::ByHand),
        rate().prop_map(Pacing::Constant),
        rate().prop_map(Pacing::Poisson),
        (any::<u32>(), duration(), duration()).prop_map(|(size, every, within)| Pacing::Bursts { size, every, within }),
        (vec(step, 0..4), any::<bool>(), option::of(duration()), spacing)
            .prop_map(|(steps, ramp, repeat, spacing)| Pacing::Schedule { steps, ramp, repeat, spacing }),
        (words(), option::of(words()), pace).prop_map(|(file, time, pace)| Pacing::Replay { file, time, pace }),
    ]
    .boxed()
}

fn key() -> BoxedStrategy<Key> {
    prop_oneof![
        Just(Key::Inherit),
        any::<u32>().prop_map(Key::Cycle),
        any::<u32>().prop_map(Key::Uniform),
        any::<u32>().prop_map(Key::Skewed),
        expression().prop_map(Key::Of),
    ]
    .boxed()
}

fn bus() -> BoxedStrategy<Bus> {
    let topic = (0..=limits::PARTITIONS, option::of(duration()), option::of(any::<u64>()))
        .prop_map(|(partitions, keep, keep_records)| (partitions, keep, keep_records));
    let retention = select(vec![Retention::Limits, Retention::WorkQueue, Retention::Interest]);
    let compact = (duration(), duration()).prop_map(|(every, keep_deletes)| Compaction { every, keep_deletes });
    let dedup = (duration(), option::of(expression())).prop_map(|(window, id)| Dedup { window, id });
    let rules =
        (option::of(any::<u64>().prop_map(ByteSize::from_bytes)), retention, option::of(compact), option::of(dedup));
    let topic =
        (topic, rules).prop_map(|((partitions, keep, keep_records), (keep_bytes, retention, compact, dedup))| Topic {
            partitions,
            keep,
            keep_records,
            keep_bytes,
            retention,
            compact,
            dedup,
        });
    (btree_map(topic_name(), topic, 0..4), select(vec![Rail::Standing, Rail::Lying]))
        .prop_map(|(topics, rail)| Bus { topics, dead_letters: None, rail })
        .boxed()
}

fn rate_limit() -> BoxedStrategy<Option<RateLimit>> {
    option::of((rate(), any::<u32>(), over_limit()).prop_map(|(rate, burst, over)| RateLimit { rate, burst, over }))
        .boxed()
}

fn over_limit() -> BoxedStrategy<OverLimit> {
    select(vec![OverLimit::Queue, OverLimit::Retry, OverLimit::Reject]).boxed()
}

fn consumer() -> BoxedStrategy<Consumer> {
    (distribution(), 0..=limits::CONCURRENCY, chance(), rate_limit(), option::of(duration()))
        .prop_map(|(takes, concurrency, fails, rate_limit, timeout)| Consumer {
            takes,
            concurrency,
            fails,
            rate_limit,
            timeout,
        })
        .boxed()
}

fn service() -> BoxedStrategy<Service> {
    (0..=limits::CONCURRENCY, vec(handler(), 0..3), rate_limit(), option::of(duration()))
        .prop_map(|(concurrency, handlers, rate_limit, timeout)| Service { concurrency, handlers, rate_limit, timeout })
        .boxed()
}

fn function() -> BoxedStrategy<Function> {
    let scaling = (0..=limits::CONCURRENCY, any::<u32>(), distribution(), duration(), any::<u32>(), over_limit());
    let price = (size(), any::<u64>(), any::<u64>());
    (vec(handler(), 0..3), scaling, price, rate_limit(), option::of(duration()))
        .prop_map(|(handlers, scaling, price, rate_limit, timeout)| {
            let (instances, provisioned, cold_start, keep_warm, scale_out, over_limit) = scaling;
            let (memory, price_gib_second, price_invocation) = price;
            Function {
                handlers,
                instances,
                provisioned,
                cold_start,
                keep_warm,
                scale_out,
                over_limit,
                memory,
                price_gib_second,
                price_invocation,
                rate_limit,
                timeout,
            }
        })
        .boxed()
}

fn handler() -> BoxedStrategy<Handler> {
    (pattern(), distribution(), chance(), vec(emit(), 0..3), select(vec![Pick::Each, Pick::One]))
        .prop_map(|(on, takes, fails, emits, pick)| Handler { on, takes, fails, emits, pick })
        .boxed()
}

fn emit() -> BoxedStrategy<Emit> {
    let how = (chance(), 0..1_000_u32, option::of(expression()), option::of(distribution()));
    (event_name(), how, key(), option::of(expression()))
        .prop_map(|(event, (chance, count, when, after), key, data)| Emit {
            event,
            chance,
            count,
            when,
            after,
            key,
            data,
        })
        .boxed()
}

// ---- links --------------------------------------------------------------------------------------------------------

/// Settings for whichever kind of link it turns out to be.
#[derive(Clone, Debug)]
struct LinkSettings {
    note: String,
    delay: SimDuration,
    publish: Publish,
    subscription: Subscription,
    call: Call,
}

fn link_settings() -> BoxedStrategy<LinkSettings> {
    (words(), duration(), publish(), subscription(), call())
        .prop_map(|(note, delay, publish, subscription, call)| LinkSettings {
            note,
            delay,
            publish,
            subscription,
            call,
        })
        .boxed()
}

fn publish() -> BoxedStrategy<Publish> {
    (vec(pattern(), 0..3), option::of(topic_name())).prop_map(|(events, topic)| Publish { events, topic }).boxed()
}

fn subscription() -> BoxedStrategy<Subscription> {
    let which = (vec(pattern(), 0..3), option::of(words()), option::of(expression()));
    let share = select(vec![Share::Queue, Share::Partition]);
    let from = prop_oneof![
        Just(StartAt::End),
        Just(StartAt::Start),
        any::<u64>().prop_map(StartAt::Offset),
        duration().prop_map(StartAt::At),
    ];
    let from = (from, any::<bool>());
    let guarantee = select(vec![Guarantee::AtLeastOnce, Guarantee::AtMostOnce]);
    let how = (duration(), any::<u32>(), backoff(), any::<u32>(), option::of(any::<u32>()), queue());
    let levels = (any::<u8>(), option::of(duration())).prop_map(|(levels, aging)| Priority { levels, aging });
    let order = select(vec![Order::Relaxed, Order::Strict]);
    let waits = (order, option::of(duration()), option::of(levels), duration(), option::of(duration()));
    (which, share, from, guarantee, how, waits, (rate_limit(), option::of(breaker())))
        .prop_map(|((topics, group, filter), share, from, guarantee, how, waits, (rate, breaker))| {
            let (from, replay_emits) = from;
            let (order, ttl, priority, delay, idempotent) = waits;
            let (ack_wait, deliveries, backoff, max_in_flight, prefetch, queue) = how;
            Subscription {
                topics,
                group,
                share,
                filter,
                from,
                replay_emits,
                guarantee,
                ack_wait,
                deliveries,
                backoff,
                max_in_flight,
                prefetch,
                queue,
                order,
                ttl,
                priority,
                delay,
                idempotent,
                dead_letters: None,
                rate: rate.map(Box::new),
                breaker: breaker.map(Box::new),
            }
        })
        .boxed()
}

fn backoff() -> BoxedStrategy<Backoff> {
    let jitter = select(vec![Jitter::Full, Jitter::None]);
    prop_oneof![
        Just(Backoff::None),
        duration().prop_map(Backoff::Fixed),
        (duration(), duration(), jitter).prop_map(|(base, cap, jitter)| Backoff::Exponential { base, cap, jitter }),
        Just(Backoff::default()),
    ]
    .boxed()
}

fn breaker() -> BoxedStrategy<Breaker> {
    (option::of(any::<u32>()), option::of(chance()), any::<u32>(), duration(), any::<u32>())
        .prop_map(|(failures, ratio, window, reset, probes)| Breaker { failures, ratio, window, reset, probes })
        .boxed()
}

fn queue() -> BoxedStrategy<QueueLimit> {
    let full = select(vec![WhenFull::Block, WhenFull::DropOldest, WhenFull::DropNewest, WhenFull::Reject]);
    (any::<u64>(), size(), full)
        .prop_map(|(records, bytes, when_full)| QueueLimit { records, bytes, when_full })
        .boxed()
}

fn call() -> BoxedStrategy<Call> {
    (vec(pattern(), 0..3), any::<u32>(), backoff(), queue(), option::of(duration()), option::of(breaker()))
        .prop_map(|(events, deliveries, backoff, queue, timeout, breaker)| Call {
            events,
            deliveries,
            backoff,
            queue,
            dead_letters: None,
            timeout,
            breaker: breaker.map(Box::new),
        })
        .boxed()
}
