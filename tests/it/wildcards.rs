//! S22: `*` stands for one token, `>` for one or more, at the end only.

use eventloom::model::Pattern;
use proptest::prelude::*;

/// The rule, as plainly as it can be written.
fn stands_for(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) | (Some((&">", [])), Some(_)) => true,
        (Some((&"*", pattern)), Some((_, name))) => stands_for(pattern, name),
        (Some((token, pattern)), Some((other, name))) => token == other && stands_for(pattern, name),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Where a text is no pattern, counted in characters from 1.
fn fault(text: &str) -> Option<usize> {
    let tokens: Vec<&str> = text.split('.').collect();
    let mut column = 1;
    for (ix, token) in tokens.iter().enumerate() {
        let wildcard = token.chars().position(|c| c == '*' || c == '>');
        match (token.chars().count(), wildcard) {
            (0, _) => return Some(column),
            (1, Some(_)) if *token == ">" && ix + 1 < tokens.len() => return Some(column),
            (2.., Some(at)) => return Some(column + at),
            _ => {}
        }
        column += token.chars().count() + 1;
    }
    None
}

#[test]
fn s22_rows() {
    for (pattern, yes, no) in [
        ("orders", &["orders"][..], &["orders.eu", "order", "Orders"][..]),
        ("orders.*", &["orders.eu", "orders.*"], &["orders", "orders.eu.de"]),
        ("*.eu", &["orders.eu"], &["eu", "a.orders.eu"]),
        ("orders.>", &["orders.eu", "orders.eu.de"], &["orders", "stock.eu"]),
        (">", &["a", "a.b.c"], &[]),
        ("*.>", &["a.b", "a.b.c"], &["a"]),
    ] {
        let pattern = Pattern::new(pattern).expect("well-formed");
        assert!(yes.iter().all(|name| pattern.matches(name)), "{pattern}");
        assert!(!no.iter().any(|name| pattern.matches(name)), "{pattern}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50_000, ..ProptestConfig::default() })]

    #[test]
    fn s22_matches_as_the_rule_says(text in "([ab]|\\*|>)(\\.([ab]|\\*|>)){0,4}", name in "[ab](\\.[ab]){0,4}") {
        match Pattern::new(&text) {
            Ok(pattern) => {
                let (parts, name_parts): (Vec<&str>, Vec<&str>) = (text.split('.').collect(), name.split('.').collect());
                prop_assert_eq!(pattern.matches(&name), stands_for(&parts, &name_parts));
            }
            Err(error) => prop_assert_eq!(Some(error.column), fault(&text)),
        }
    }

    #[test]
    fn s22_refuses_with_the_character(text in "[ab*>.é]{0,8}") {
        prop_assert_eq!(Pattern::new(&text).err().map(|error| error.column), fault(&text));
    }
}
