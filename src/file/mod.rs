//! Flow to text and back, pure: nothing here touches a disk.
//!
//! The text is RON, with the extensions `implicit_some` and `unwrap_variant_newtypes` for good: they belong to format 1.
//! [`write()`] is made for diffs: no two nodes or links share a line, and moving a node changes its `at:` line alone.
//! [`read()`] is made for strangers' files: whatever the text holds, the answer is a flow or located faults, in bounded
//! time and memory.

mod error;
mod fragment;
mod layout;
mod scan;
mod tree;

use std::collections::BTreeMap;

use ron::extensions::Extensions;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{
    EventName, EventType, Expectation, ExpectationName, Fault as FlowFault, FaultName, Flow, FlowParts, Link, LinkId,
    Node, NodeId,
};

pub use self::error::{Fault, FaultKind, ReadError};
pub use self::fragment::{Fragment, read_fragment, write_fragment};

use self::scan::Scan;

/// The format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// How long a text may be.
pub const MAX_BYTES: usize = 64 << 20;

/// How deep brackets may stand within each other.
pub const MAX_NESTING: usize = 64;

/// A flow as format 1 writes it. Fields stand in the order of the file.
///
/// Its own type, so that the model can change and this stays what files of format 1 hold.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Flow", deny_unknown_fields)]
struct FlowFile {
    format: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(default = "default_seed")]
    seed: u64,
    #[serde(default = "default_hop_limit", skip_serializing_if = "is_default_hop_limit")]
    hop_limit: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    events: BTreeMap<EventName, EventType>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    nodes: BTreeMap<NodeId, Node>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<LinkId, Link>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    faults: BTreeMap<FaultName, FlowFault>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    expect: BTreeMap<ExpectationName, Expectation>,
}

const fn default_seed() -> u64 {
    Flow::SEED
}

const fn default_hop_limit() -> u32 {
    Flow::HOP_LIMIT
}

const fn is_default_hop_limit(hops: &u32) -> bool {
    *hops == Flow::HOP_LIMIT
}

/// The flow that a text holds, or everything that keeps it from being one.
pub fn read(text: &str) -> Result<Flow, ReadError> {
    let (file, scan) = read_as::<FlowFile>(text, "Flow")?;
    let FlowFile { format: _, name, note, seed, hop_limit, events, nodes, links, faults, expect } = file;
    Flow::try_from(FlowParts { name, note, seed, hop_limit, events, nodes, links, faults, expect })
        .map_err(|errors| scan.unsound(&errors))
}

/// The text that holds a flow: equal flows have equal texts, and [`read()`] gives the flow back.
pub fn write(flow: &Flow) -> String {
    let FlowParts { name, note, seed, hop_limit, events, nodes, links, faults, expect } = flow.parts().clone();
    write_as(&FlowFile { format: FORMAT, name, note, seed, hop_limit, events, nodes, links, faults, expect }, "Flow")
}

/// Reads a document whose struct is called `header`, after all checks that RON itself does not make.
fn read_as<'text, T: DeserializeOwned>(text: &'text str, header: &'static str) -> Result<(T, Scan<'text>), ReadError> {
    // Windows editors put it first; RON would refuse the whole file for it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let scan = Scan::of(text);
    scan.check_format(header)?;
    scan.check_text()?;
    let options = ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    let mut deserializer =
        ron::Deserializer::from_str_with_options(text, &options).map_err(|error| scan.syntax(&error, ""))?;
    let value = match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => value,
        Err(error) => {
            let path = error::dotted(error.path());
            return Err(scan.syntax(&deserializer.span_error(error.into_inner()), &path));
        }
    };
    deserializer.end().map_err(|error| scan.syntax(&deserializer.span_error(error), ""))?;
    Ok((value, scan))
}

/// Writes a document under a header, each entry of its maps on lines of its own.
fn write_as<T: Serialize>(document: &T, header: &str) -> String {
    let mut tree = tree::of(document);
    tree.name(header);
    layout::text(&tree)
}
