//! The settings of a bus: its topics, what each takes in and lets go of, and where what is given up goes.

use egui::{RichText, Sense, Ui, Vec2};
use egui_phosphor::regular as ph;

use crate::gui::fields::{Form, Suggestion, name};
use crate::gui::widgets;
use crate::model::{Bus, Compaction, Dedup, NodeId, Preset, Rail, Retention, Topic, TopicName, limits};

use super::{dead_letter_queues, presets};

/// Draws a bus' topics and how it hands over.
pub(super) fn bus_ui(form: &Form<'_>, ui: &mut Ui, id: &NodeId, bus: &mut Bus, events: &[Suggestion]) {
    form.section(ui, "Topics");
    let theme = form.ctx.theme;
    let flow = form.ctx.session.flow();
    let mut removed = None;
    let all: Vec<TopicName> = flow.topics_of(id);
    for topic_name in &all {
        let described = bus.topics.get(topic_name).cloned();
        let mut topic = described.clone().unwrap_or_default();
        let color = events.iter().find(|(event, _)| event == topic_name.as_str()).and_then(|(_, color)| *color);
        ui.add_space(theme.space.xs);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme.space.xs;
            let (dot, _) = ui.allocate_exact_size(Vec2::new(theme.space.m, theme.space.l), Sense::hover());
            ui.painter().circle_filled(dot.center() - Vec2::new(2.0, 0.0), 3.5, color.unwrap_or(theme.faint));
            ui.label(RichText::new(topic_name.as_str()).font(theme.mono(theme.sizes.small)).color(theme.text));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if described.is_some() {
                    let label = format!("Remove topic {topic_name}");
                    let tip = "Forgets its settings; it stays while somebody publishes to it";
                    if widgets::small_icon_button(ui, theme, ph::X, &label, tip, true).clicked() {
                        removed = Some(topic_name.clone());
                    }
                }
                presets::like_ui(form.ctx, ui, topic_name.as_str(), Preset::<Topic>::TOPICS, &mut topic);
            });
        });
        topic_ui(form, ui, topic_name, &mut topic);
        if topic != described.unwrap_or_default() {
            bus.topics.insert(topic_name.clone(), topic);
        }
    }
    if let Some(removed) = removed {
        bus.topics.remove(&removed);
    }
    if all.is_empty() {
        ui.add(
            egui::Label::new(widgets::hint(theme, "A topic appears with the first event type that is published here"))
                .wrap(),
        );
    }
    let add = name("Add topic", "A name, as in orders.eu", "topics");
    if let Some(Some(new)) = form.optional_suggested::<TopicName>(ui, add, &None, "orders.eu", events) {
        bus.topics.entry(new).or_default();
    }
    form.section(ui, "Delivery");
    let mut queues = vec![(None, "Nowhere".to_owned())];
    queues.extend(dead_letter_queues(form.ctx).into_iter().map(|(id, title)| (Some(id), title)));
    let tip = "Where what its subscriptions give up goes when they do not say otherwise";
    if let Some(new) = form.pick(ui, name("Dead letters", tip, "dead_letters"), &bus.dead_letters, &queues) {
        bus.dead_letters = new;
    }
    let rails = [
        (Rail::Standing, "Standing", "Topics below each other: publishers left, subscribers right"),
        (Rail::Lying, "Lying", "Topics beside each other: publishers above, subscribers below"),
    ];
    if let Some(new) = form.choice(ui, name("Rail", "How it lies on the canvas", "rail"), bus.rail, &rails) {
        bus.rail = new;
    }
}

fn topic_ui(form: &Form<'_>, ui: &mut Ui, topic_name: &TopicName, topic: &mut Topic) {
    let path = |field: &str| format!("topics[\"{topic_name}\"].{field}");
    let partitions = path("partitions");
    let tip = "How many logs it is really made of; order holds within one";
    let limit = (1, u64::from(limits::PARTITIONS));
    if let Some(new) = form.whole(ui, name("Partitions", tip, &partitions), u64::from(topic.partitions), limit) {
        topic.partitions = new as u32;
    }
    let Topic { partitions: _, keep, keep_records, keep_bytes, retention, compact, dedup } = &*topic;
    let keeps = keep.is_some() || keep_records.is_some() || keep_bytes.is_some();
    let lets_go = keeps || *retention != Retention::default() || compact.is_some();
    let knows = dedup.is_some();
    let (title, says) = (format!("Retention of {topic_name}"), retention_words(topic));
    form.folded_row(ui, "Retention", &title, &says, lets_go, |ui| retention_ui(form, ui, topic, &path));
    let title = format!("Duplicates in {topic_name}");
    let says = topic.dedup.as_ref().map_or_else(|| "kept".to_owned(), |dedup| format!("dropped for {}", dedup.window));
    form.folded_row(ui, "Duplicates", &title, &says, knows, |ui| dedup_ui(form, ui, &mut topic.dedup, &path));
}

/// How long a topic keeps its records, in few words.
fn retention_words(topic: &Topic) -> String {
    let Topic { partitions: _, keep, keep_records, keep_bytes, retention, compact, dedup: _ } = topic;
    let limits = [
        keep.map(|keep| keep.to_string()),
        keep_records.map(|records| format!("{records} records")),
        keep_bytes.map(|bytes| bytes.to_string()),
        compact.as_ref().map(|_| "the last of each key".to_owned()),
    ];
    let mut words: Vec<String> = limits.into_iter().flatten().collect();
    match retention {
        Retention::Limits if words.is_empty() => words.push("until settled".to_owned()),
        Retention::Limits => {}
        Retention::WorkQueue => words.push("until the first ack".to_owned()),
        Retention::Interest => words.push("until all acks".to_owned()),
    }
    words.join(", ")
}

/// What a topic lets go of, and when.
fn retention_ui(form: &Form<'_>, ui: &mut Ui, topic: &mut Topic, path: &dyn Fn(&str) -> String) {
    let keep = path("keep");
    let tip = "Records older than this are evicted, read or not; settled ones stay until then";
    if let Some(new) = form.optional(ui, name("Keep for", tip, &keep), &topic.keep, "until settled") {
        topic.keep = new;
    }
    let records = path("keep_records");
    let tip = "When a partition holds more records than this, the oldest are evicted, read or not";
    let at_most = name("Keep at most", tip, &records);
    if let Some(new) = form.optional_whole(ui, at_most, topic.keep_records, (1, u64::MAX), "no limit") {
        topic.keep_records = new;
    }
    let bytes = path("keep_bytes");
    let tip =
        "When a partition holds more bytes than this, the oldest are evicted, read or not; the newest always stays";
    if let Some(new) = form.optional(ui, name("Keep bytes", tip, &bytes), &topic.keep_bytes, "no limit") {
        topic.keep_bytes = new;
    }
    let retentions = [
        (
            Retention::Limits,
            "By limits alone",
            "An acknowledgement lets nothing go: JetStream's limits policy. Without any limit it goes when all have settled \
             it",
        ),
        (
            Retention::WorkQueue,
            "With the first ack",
            "The first acknowledgement lets it go, whoever sends it: JetStream's work-queue policy, and every queue's",
        ),
        (
            Retention::Interest,
            "With all acks",
            "It goes when every subscription there is has settled it: JetStream's interest policy",
        ),
    ];
    let at = path("retention");
    let tip = "What else than a limit lets a record go; limits hold in any case";
    if let Some(new) = form.choice(ui, name("Goes", tip, &at), topic.retention, &retentions) {
        topic.retention = new;
    }
    let at = path("compact");
    let tip = "Of the records of a key all but the last go, as with Kafka's cleanup.policy=compact; a record without a key \
               is refused";
    if let Some(on) = form.toggle(ui, name("Compacts by key", tip, &at), topic.compact.is_some()) {
        topic.compact = on.then(Compaction::default);
        return;
    }
    let Some(compact) = &mut topic.compact else { return };
    let at = path("compact.every");
    let tip = "How long the log is left alone after something in it was replaced: Kafka's log.cleaner.backoff.ms";
    if let Some(new) = form.value(ui, name("  cleans every", tip, &at), &compact.every) {
        compact.every = new;
    }
    let at = path("compact.keep_deletes");
    let tip = "How long a deletion (a record whose data are null) stays, so that whoever reads sees it: Kafka's \
               delete.retention.ms";
    if let Some(new) = form.value(ui, name("  deletions stay", tip, &at), &compact.keep_deletes) {
        compact.keep_deletes = new;
    }
}

/// Which publishes a topic knows already.
fn dedup_ui(form: &Form<'_>, ui: &mut Ui, value: &mut Option<Dedup>, path: &dyn Fn(&str) -> String) {
    let at = path("dedup");
    let tip = "What comes again within a time gets the place of the first and is not stored, as with JetStream's \
               Nats-Msg-Id and SQS's deduplication id";
    if let Some(on) = form.toggle(ui, name("Drops duplicates", tip, &at), value.is_some()) {
        *value = on.then(Dedup::default);
        return;
    }
    let Some(dedup) = value else { return };
    let at = path("dedup.window");
    let tip = "For how long from when it was stored; what comes later is stored again";
    if let Some(new) = form.value(ui, name("  within", tip, &at), &dedup.window) {
        dedup.window = new;
    }
    let at = path("dedup.id");
    let tip = "What tells messages apart, as in event.data.order; by its own id only the same event coming again is a \
               duplicate";
    if let Some(new) = form.distinction(ui, name("  message id", tip, &at), &dedup.id, "the event's own id") {
        dedup.id = new;
    }
}
