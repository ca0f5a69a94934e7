//! Flow files: reading and writing are inverse, texts read like drawings, and no text does harm.

use eventloom::edit::{Document, Edit};
use eventloom::file::{read, write};
use eventloom::model::{NodeId, Point};
use proptest::prelude::*;

use super::support::flows::sound_flow;

/// The flavour that the format promises, to the letter.
const BEAUTIFUL: &str = r##"Flow(
    format: 1,
    name: "Order fulfilment",
    note: "Checkout places orders; billing reacts; nobody knows anybody.",
    seed: 42,
    events: {
        "order.placed": (color: 0, size: "512 B", example: r#"{ "order": 1001, "amount": 129.90 }"#),
    },
    nodes: {
        "billing": (
            at: (620, 240),
            kind: Service(
                concurrency: 4,
                handlers: [
                    (
                        on: "order.placed",
                        takes: LogNormal(median: "20ms", p99: "180ms"),
                        emits: [(event: "payment.taken", chance: 0.97), (event: "payment.refused", chance: 0.03)],
                        pick: One,
                    ),
                ],
            ),
        ),
        "bus": (
            at: (380, 240),
            kind: Bus(topics: {"orders": (partitions: 6, keep: "7d")}),
        ),
        "checkout": (
            at: (120, 240),
            kind: Producer(emits: "order.placed", rate: Poisson("50/s")),
        ),
        "graveyard": (
            at: (860, 360),
            kind: DeadLetterQueue(),
        ),
    },
    links: {
        "bus->billing": (
            from: "bus",
            to: "billing",
            kind: Subscribe(topics: ["orders"], group: "billing", dead_letters: "graveyard"),
        ),
        "checkout->bus": (
            from: "checkout",
            to: "bus",
            kind: Publish(topic: "orders"),
        ),
    },
)
"##;

#[test]
fn a_written_flow_reads_like_the_drawing() {
    let flow = read(BEAUTIFUL).expect("it reads");
    assert_eq!(write(&flow), BEAUTIFUL);
}

#[test]
fn moving_a_node_changes_one_line() {
    let mut document = Document::new(read(BEAUTIFUL).expect("it reads"));
    let billing = NodeId::new("billing").expect("an id");
    document.apply(&Edit::Move(vec![(billing, Point(640, 300))])).expect("it moves");
    let moved = write(document.flow());
    let changed: Vec<(&str, &str)> = BEAUTIFUL.lines().zip(moved.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(changed, [("            at: (620, 240),", "            at: (640, 300),")]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(flow in sound_flow()) {
        let text = write(&flow);
        let again = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&again, &flow);
        prop_assert_eq!(write(&again), text);
    }
}
