//! Which of many names a few typed letters mean: the letters in order, the better the closer together and at word starts.

/// How well a name fits what was typed; `None` if it does not. An empty query fits everything.
pub(crate) fn score(query: &str, name: &str) -> Option<i32> {
    let mut total = 0;
    for word in query.split_whitespace() {
        total += word_score(word, name)?;
    }
    // Of equally good ones the shorter name is meant.
    Some(total * 8 - i32::try_from(name.chars().count()).unwrap_or(i32::MAX).min(200))
}

fn word_score(word: &str, name: &str) -> Option<i32> {
    let letters: Vec<char> = name.to_lowercase().chars().collect();
    let wanted: Vec<char> = word.to_lowercase().chars().collect();
    let starts = |at: usize| at == 0 || !letters[at - 1].is_alphanumeric();
    // The same letters in one piece beat any scattered ones.
    if let Some(at) = (0..letters.len()).find(|at| letters[*at..].starts_with(&wanted)) {
        return Some(if starts(at) { 100 } else { 60 } + i32::try_from(wanted.len()).unwrap_or(100));
    }
    let (mut at, mut score, mut last) = (0, 0, None);
    for letter in wanted {
        let found = (at..letters.len()).find(|at| letters[*at] == letter)?;
        score += match last {
            Some(last) if last + 1 == found => 4,
            _ if starts(found) => 3,
            _ => 0,
        };
        last = Some(found);
        at = found + 1;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_wins() {
        let best = |query: &str, names: &[&'static str]| {
            names
                .iter()
                .copied()
                .filter_map(|name| score(query, name).map(|score| (score, name)))
                .max()
                .map(|(_, name)| name)
        };
        let names = ["Save", "Save as…", "Add service", "Dead-letter queue", "Step one instant", "Light theme"];
        for (query, name) in [
            ("save", "Save"),
            ("as", "Save as…"),
            ("dlq", "Dead-letter queue"),
            ("serv", "Add service"),
            ("theme", "Light theme"),
            ("step inst", "Step one instant"),
        ] {
            assert_eq!(best(query, &names), Some(name), "{query}");
        }
        assert_eq!(best("zzz", &names), None);
    }
}
