//! What no compiler checks: who may use whom, files that nothing declares, examples without a golden report.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The table of the design: module, the modules it may use, the outside crates it may name.
const ARROWS: &[(&str, &[&str], &[&str])] = &[
    ("model", &[], &["serde", "serde_json"]),
    ("file", &["model", "edit"], &["ron", "serde", "serde_json", "serde_path_to_error", "strsim"]),
    ("edit", &["model"], &[]),
    ("trace", &["model"], &["serde", "serde_json"]),
    ("expr", &["model"], &["rhai", "libm", "serde_json", "strsim", "rand_core", "rand_xoshiro"]),
    ("plan", &["model", "expr"], &["libm", "petgraph", "serde_json", "csv", "strsim", "blake3"]),
    ("kernel", &["model", "expr", "plan", "trace"], &["libm", "rand_core", "rand_xoshiro", "blake3", "serde_json"]),
    ("export", &["model", "plan", "trace", "file"], &["serde_json"]),
    ("run", &["model", "plan", "trace", "kernel"], &["tokio", "arc_swap", "serde_json"]),
    ("store", &["model", "file", "edit"], &["directories", "blake3", "serde", "ron"]),
    (
        "session",
        &["model", "file", "edit", "trace", "expr", "plan", "kernel", "export", "run", "store"],
        &["serde", "serde_json", "tokio", "arc_swap"],
    ),
    (
        "gui",
        &["model", "edit", "plan", "trace", "session"],
        &[
            "eframe",
            "egui",
            "egui_graphs",
            "egui_phosphor",
            "egui_file_dialog",
            "petgraph",
            "rfd",
            "serde",
            "serde_json",
            "ron",
        ],
    ),
    (
        "cli",
        &["model", "plan", "trace", "session"],
        &["clap", "anyhow", "indicatif", "serde_json", "serde", "ctrlc", "quick_xml"],
    ),
    ("main", &["cli", "gui"], &["eventloom", "mimalloc", "clap", "anyhow"]),
    ("lib", &[], &[]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The top-level module of a file of `src/`: `src/gui/canvas/mod.rs` belongs to `gui`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).expect("a file of src");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The first names of all paths in a line that begin with `crate::`, and the outside crate that a `use` line names.
fn names_in(line: &str) -> (Vec<&str>, Option<&str>) {
    let ident = |rest: &str| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let own = line
        .split("crate::")
        .skip(1)
        .map(|rest| &rest[..ident(rest)])
        .filter(|name| name.chars().next().is_some_and(|c| c.is_lowercase()))
        .collect();
    let bare = line.trim_start();
    let used = bare.strip_prefix("pub use ").or_else(|| bare.strip_prefix("use "));
    (own, used.map(|rest| &rest[..ident(rest)]))
}

#[test]
fn modules_use_only_what_the_design_allows() {
    let mut wrong = String::new();
    for path in files_below(&root().join("src"), "rs") {
        let module = module_of(&path);
        let Some((_, modules, crates)) = ARROWS.iter().find(|(name, ..)| *name == module) else {
            writeln!(wrong, "{}: no row for module {module}", path.display()).expect("text");
            continue;
        };
        let text = fs::read_to_string(&path).expect("a readable source file");
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            // What stands below is the file's own tests, which may use anything.
            if line.starts_with("#[cfg(test)]") {
                break;
            }
            let (own, outside) = names_in(line);
            for name in own {
                let known = ARROWS.iter().any(|(module, ..)| *module == name);
                if known && name != module && !modules.contains(&name) {
                    writeln!(wrong, "{}:{}: {module} must not use {name}", path.display(), number + 1).expect("text");
                }
            }
            if let Some(name) = outside {
                let free = ["std", "core", "crate", "self", "super", "thiserror", ""];
                let local = text.contains(&format!("mod {name};")) || text.contains(&format!("enum {name} "));
                if !free.contains(&name)
                    && !local
                    && name.chars().next().is_some_and(char::is_lowercase)
                    && !crates.contains(&name)
                {
                    writeln!(wrong, "{}:{}: {module} must not name {name}", path.display(), number + 1).expect("text");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_source_file_belongs_to_a_module() {
    let mut stray = Vec::new();
    for folder in ["src", "tests/it"] {
        for path in files_below(&root().join(folder), "rs") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let mut above = path.parent().expect("a folder").to_path_buf();
            let name = if name == "mod" {
                let folder_name = above.file_name().expect("a name").to_string_lossy().into_owned();
                above.pop();
                folder_name
            } else {
                name
            };
            if above == root().join(folder) && ["lib", "main"].contains(&name.as_str()) {
                continue;
            }
            let beside = above.with_extension("rs");
            let declarers = [above.join("mod.rs"), above.join("lib.rs"), above.join("main.rs"), beside];
            let declared = declarers.iter().filter_map(|file| fs::read_to_string(file).ok()).any(|text| {
                text.lines().any(|line| {
                    let line = line.trim_start();
                    let line = line.split_once(") ").map_or(line, |(_, rest)| rest);
                    line.trim_start_matches("pub ") == format!("mod {name};")
                })
            });
            if !declared {
                stray.push(path);
            }
        }
    }
    assert!(stray.is_empty(), "no module declares {stray:?}");
}

#[test]
fn something_is_expected_of_every_flow_that_ships() {
    for path in files_below(&root().join("flows"), "ron") {
        let flow = eventloom::file::read(&fs::read_to_string(&path).expect("a readable flow")).expect("a sound flow");
        assert!(!flow.expectations().is_empty(), "{} says nothing about what has to hold", path.display());
    }
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let marks = [["to", "do!("].concat(), ["unimple", "mented!("].concat(), ["FIX", "ME"].concat()];
    for path in files_below(&root().join("src"), "rs") {
        let text = fs::read_to_string(&path).expect("a readable source file");
        for (number, line) in text.lines().enumerate() {
            assert!(!marks.iter().any(|mark| line.contains(mark)), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

#[test]
fn the_top_level_holds_what_the_design_says() {
    let allowed = ["Cargo.toml", "Cargo.lock", "README.md", "assets", "benches", "flows", "src", "target", "tests"];
    let allowed = BTreeSet::from(allowed);
    for entry in fs::read_dir(root()).expect("a readable folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || allowed.contains(name.as_str()), "{name} does not belong at the top level");
    }
}
