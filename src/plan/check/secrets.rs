//! Literals that look like secrets. A flow is shared, exported and shown: it holds references (`env:NAME`), never secrets.

use super::Findings;
use crate::model::{Flow, Key, LinkKind, NodeKind};
use crate::plan::problem::Place;

pub(super) fn check(flow: &Flow, findings: &mut Findings) {
    let mut look = |place: &dyn Fn() -> Place, text: &str| {
        if let Some(what) = secret_in(text) {
            let what = format!("This looks like {what}");
            findings.warning(place(), "secret", what, "Take it out: a flow is a file that others read");
        }
    };
    look(&|| Place::Flow, flow.note());
    for (name, event) in flow.events() {
        let at = |field: &str| Place::Event(name.clone(), Some(field.to_owned()));
        look(&|| at("note"), &event.note);
        if let Some(example) = &event.example {
            look(&|| at("example"), example.as_str());
        }
    }
    for (id, node) in flow.nodes() {
        let at = |field: String| Place::Node(id.clone(), Some(field));
        look(&|| at("note".to_owned()), &node.note);
        match &node.kind {
            NodeKind::Stream(stream) => {
                for (field, expression, _) in stream.expressions() {
                    look(&|| at(field.clone()), &expression.0);
                }
            }
            NodeKind::Note(note) => look(&|| at("text".to_owned()), &note.text),
            NodeKind::Producer(_)
            | NodeKind::Gateway(_)
            | NodeKind::Bus(_)
            | NodeKind::Consumer(_)
            | NodeKind::Service(_)
            | NodeKind::Function(_)
            | NodeKind::DeadLetterQueue(_)
            | NodeKind::Store(_) => {}
        }
        if let Some(source) = node.kind.source() {
            let prefix = if matches!(node.kind, NodeKind::Gateway(_)) { "requests." } else { "" };
            if let Some(data) = &source.data {
                look(&|| at(format!("{prefix}data")), &data.0);
            }
            if let Key::Of(key) = &source.key {
                look(&|| at(format!("{prefix}key")), &key.0);
            }
        }
        for (h, handler) in node.kind.handlers().iter().enumerate() {
            for (e, emit) in handler.emits.iter().enumerate() {
                if let Some(data) = &emit.data {
                    look(&|| at(format!("handlers[{h}].emits[{e}].data")), &data.0);
                }
            }
        }
    }
    for (id, link) in flow.links() {
        let at = |field: &str| Place::Link(id.clone(), Some(field.to_owned()));
        look(&|| at("note"), &link.note);
        if let LinkKind::Subscribe(subscription) = &link.kind
            && let Some(filter) = &subscription.filter
        {
            look(&|| at("filter"), &filter.0);
        }
    }
}

/// What a text seems to hold that nobody else should read.
fn secret_in(text: &str) -> Option<&'static str> {
    if text.len() < 8 {
        return None;
    }
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    // Beginnings that their makers have published so that such keys can be found, and how much follows at least.
    const BEGINNINGS: [(&str, usize, &str); 12] = [
        ("AKIA", 16, "an AWS access key"),
        ("ASIA", 16, "an AWS access key"),
        ("ghp_", 36, "a GitHub token"),
        ("gho_", 36, "a GitHub token"),
        ("ghs_", 36, "a GitHub token"),
        ("github_pat_", 22, "a GitHub token"),
        ("glpat-", 20, "a GitLab token"),
        ("xoxb-", 20, "a Slack token"),
        ("xoxp-", 20, "a Slack token"),
        ("sk_live_", 16, "a Stripe key"),
        ("sk-", 32, "an API key"),
        ("AIza", 35, "a Google API key"),
    ];
    for (beginning, length, what) in BEGINNINGS {
        let long_enough = |(at, _): (usize, &str)| {
            let whole_word = !text[..at].ends_with(|c: char| c.is_alphanumeric());
            let behind = &text[at + beginning.len()..];
            whole_word && behind.bytes().take_while(|byte| is_token_byte(*byte)).count() >= length
        };
        if text.match_indices(beginning).any(long_enough) {
            return Some(what);
        }
    }
    if has_json_web_token(text) {
        return Some("a JSON Web Token");
    }
    if has_url_with_password(text) {
        return Some("a password in an address");
    }
    has_named_secret(text).then_some("a password or key")
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Two Base64 parts that both begin with `{"`, and a dot between.
fn has_json_web_token(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, _)| {
        let rest = &text[at..];
        let first = rest.bytes().take_while(|byte| is_token_byte(*byte)).count();
        first >= 12 && rest[first..].starts_with(".eyJ")
    })
}

/// `scheme://name:password@host`
fn has_url_with_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?')).unwrap_or(rest.len());
        let user = rest[..end].split_once('@').and_then(|(user, _)| user.split_once(':'));
        user.is_some_and(|(_, password)| !password.is_empty() && !password.starts_with('$'))
    })
}

/// `"password": "…"`, `token = "…"`: a telling name, and a literal behind it.
fn has_named_secret(text: &str) -> bool {
    const NAMES: [&str; 8] =
        ["password", "passwd", "secret", "api_key", "apikey", "access_token", "private_key", "client_secret"];
    let lower = text.to_ascii_lowercase();
    NAMES.iter().any(|name| {
        lower.match_indices(name).any(|(at, _)| {
            let rest = lower[at + name.len()..].trim_start_matches(['"', '\'']).trim_start();
            let Some(value) = rest.strip_prefix([':', '=']) else { return false };
            let Some(literal) = value.trim_start().strip_prefix('"') else { return false };
            let length = literal.find('"').unwrap_or(0);
            let stand_in =
                literal.starts_with("env:") || literal[..length].bytes().all(|byte| byte == literal.as_bytes()[0]);
            length >= 6 && !stand_in
        })
    })
}
