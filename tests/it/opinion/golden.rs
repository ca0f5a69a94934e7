//! The hashes of fifty histories stand in the repository: on any machine, and in any build, they are the same.
//!
//! `cargo test --no-default-features --test it golden && cargo test --release --no-default-features --test it golden`
//! compares both builds with them. `UPDATE_EXPECT=1` writes them anew: after a change of the random flows each line has
//! another case and another hash; if the case is the same and the hash is not, the machine goes another way.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::history::{History, cases};

const HISTORIES: usize = 50;
const SEED: u64 = 1;

#[test]
fn golden_histories_have_the_same_hashes_in_every_build() {
    let mut found = String::from("history case             records hash\n");
    for (number, case) in cases(SEED).take(HISTORIES).enumerate() {
        let mut history = History::play(&case);
        history.settle();
        let told = blake3::hash(case.to_string().as_bytes()).to_hex();
        let (records, hash) = (history.run.kept.records.len(), history.run.hash.value());
        writeln!(found, "{number:>7} {} {records:>7} {hash:016x}", &told[..16]).expect("text grows");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/hashes.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &found).expect("a writable file");
        return;
    }
    let expected = fs::read_to_string(&path).expect("tests/expected/hashes.txt");
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "UPDATE_EXPECT=1 writes all hashes anew, if they are meant to change");
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}
