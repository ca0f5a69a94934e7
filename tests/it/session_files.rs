//! Opening and saving through the session: what a person saved is never lost, what cannot be read is never opened.

use std::fs;
use std::path::PathBuf;

use eventloom::edit::Edit;
use eventloom::model::{Flow, KindTag, Node, NodeId, Point};
use eventloom::session::{EXAMPLES, Session, SessionError};
use tempfile::TempDir;

const HELLO: &str = include_str!("../../flows/hello.ron");

/// A folder with one file.
fn folder_with(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, content).expect("a writable folder");
    (folder, path)
}

fn rename(name: &str) -> Edit {
    Edit::SetName(name.to_owned())
}

#[test]
fn what_is_opened_edited_and_saved_is_what_is_opened_again() {
    let (_folder, path) = folder_with("hello.ron", HELLO);
    let mut session = Session::from_file(&path).expect("a flow");
    assert_eq!(session.path(), Some(path.as_path()));
    assert!(!session.is_unsaved());

    session.apply(&rename("Good day")).expect("a sound edit");
    assert!(session.is_unsaved());
    assert_eq!(fs::read_to_string(&path).expect("the file"), HELLO, "nothing is written before a save");
    session.save().expect("a writable file");
    assert!(!session.is_unsaved());

    let again = Session::from_file(&path).expect("a flow");
    assert_eq!(again.flow(), session.flow());
    assert_eq!(again.flow().name(), "Good day");

    // Taking the edit back is a change to what is saved, and saving goes on from it.
    assert!(session.undo());
    assert!(session.is_unsaved());
    session.save().expect("a writable file");
    assert_eq!(fs::read_to_string(&path).expect("the file"), HELLO);
}

#[test]
fn a_file_that_another_program_changed_is_not_overwritten() {
    let (_folder, path) = folder_with("hello.ron", HELLO);
    let mut session = Session::from_file(&path).expect("a flow");
    session.apply(&rename("Mine")).expect("a sound edit");
    assert!(!session.is_changed_on_disk());

    let theirs = HELLO.replace("name: \"", "name: \"Their ");
    fs::write(&path, &theirs).expect("a writable file");
    assert!(session.is_changed_on_disk());
    assert!(matches!(session.save(), Err(SessionError::ChangedOnDisk(changed)) if changed == path));
    assert!(session.is_unsaved());
    assert_eq!(fs::read_to_string(&path).expect("the file"), theirs);

    // Keep mine: saving to the same name is what a person chose.
    session.save_as(&path).expect("a writable file");
    assert!(!session.is_changed_on_disk() && !session.is_unsaved());
    // Reload theirs: opening again.
    fs::write(&path, &theirs).expect("a writable file");
    session.open(&path).expect("a flow");
    assert!(session.flow().name().starts_with("Their "));
    assert!(!session.undo(), "an opened file has nothing to undo");
}

#[test]
fn a_file_that_cannot_be_read_leaves_everything_as_it_was() {
    let broken = HELLO.replace("kind: Producer", "kind: Produzer");
    for content in [broken.as_bytes(), b"", b"\xff\xfe", b"Flow(format: 99)", b"Flow(format: 1"] {
        let (_folder, path) = folder_with("broken.ron", content);
        let (_other, good) = folder_with("hello.ron", HELLO);
        let mut session = Session::from_file(&good).expect("a flow");
        session.apply(&rename("Still here")).expect("a sound edit");
        let error = session.open(&path).expect_err("no flow");
        let SessionError::NotAFlow { path: named, faults, text } = &error else { panic!("{error}") };
        assert_eq!(named, &path);
        assert!(faults[0].chars().next().is_some_and(|c| c.is_ascii_digit()), "line and column: {faults:?}");
        assert_eq!(text.is_empty(), content.is_empty());
        // The document, its file and its history are those of before: a save cannot hit the broken file.
        assert_eq!(session.path(), Some(good.as_path()));
        assert_eq!(session.flow().name(), "Still here");
        assert!(session.is_unsaved());
        session.save().expect("a writable file");
        assert_eq!(fs::read(&path).expect("the file"), content);
    }
    let missing = Session::from_file(&PathBuf::from("/no/such/flow.ron"));
    assert!(matches!(missing, Err(SessionError::File(_))));
}

#[test]
fn a_new_flow_has_no_file_until_it_is_saved_under_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new.ron");
    let mut session = Session::new(Flow::new("New"));
    let node = Node::new(Point(0, 0), KindTag::Bus.default_kind());
    session.apply(&Edit::AddNode(NodeId::new("bus").expect("an id"), node)).expect("a sound edit");
    assert!(matches!(session.save(), Err(SessionError::File(_))));
    session.save_as(&path).expect("a writable folder");
    assert_eq!(session.path(), Some(path.as_path()));
    assert!(!session.is_unsaved());
    assert_eq!(Session::from_file(&path).expect("a flow").flow(), session.flow());
}

#[test]
fn nodes_are_copied_between_sessions() {
    let mut from = Session::new(Flow::new(""));
    from.open_example("order-fulfilment").expect("an example");
    let ids: Vec<NodeId> = from.flow().nodes().keys().take(4).cloned().collect();
    let text = from.copy(&ids);
    let mut to = Session::new(Flow::new("Other"));
    let pasted = to.paste(&text, Point(100, 100)).expect("a fragment");
    assert_eq!(pasted.len(), ids.len());
    assert!(pasted.iter().all(|id| to.flow().node(id).is_some()));
    assert!(to.undo() && to.flow().nodes().is_empty(), "pasting is one step");
    assert!(matches!(to.paste("no fragment", Point(0, 0)), Err(SessionError::Refused(_))));
}

#[test]
fn every_flow_that_ships_is_built_in() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("flows");
    let mut shipped: Vec<String> = fs::read_dir(folder)
        .expect("flows ship with the source")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let mut built_in: Vec<String> = EXAMPLES.iter().map(|example| example.name.to_owned()).collect();
    shipped.sort();
    built_in.sort();
    assert_eq!(shipped, built_in, "list them in src/session/examples.rs");
    for example in EXAMPLES {
        assert!(!example.flow().nodes().is_empty(), "{}", example.name);
    }
}
