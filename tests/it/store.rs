//! Saving: at every moment, with every fault, the old file or the new one is there, whole.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use eventloom::file::write;
use eventloom::model::Flow;
use eventloom::store::{
    ContentHash, DataError, Disk, Expected, LoadError, OnDisk, RECENT_FILES, SaveError, Settings, Theme, load,
    load_settings, on_disk, read_data, save, save_settings,
};

use super::support::disk::ModelDisk;

const FILE: &str = "/flows/shop.ron";

fn flow(name: &str) -> Flow {
    Flow::new(name)
}

/// A disk that holds the flow “old”, and the permission to replace it.
fn disk_with_old() -> (ModelDisk, Expected) {
    let text = write(&flow("old"));
    (ModelDisk::with(&[(FILE, text.as_bytes())]), Expected::Still(ContentHash::of(text.as_bytes())))
}

fn bytes_of(name: &str) -> Vec<u8> {
    write(&flow(name)).into_bytes()
}

#[test]
fn a_save_takes_these_steps_in_this_order() {
    let (disk, expected) = disk_with_old();
    let hash = save(&disk, &flow("new"), Path::new(FILE), expected).expect("it saves");
    assert_eq!(
        disk.operations(),
        ["create temporary", "write", "sync", "read shop.ron", "rename temporary to shop.ron", "sync folder flows"]
    );
    assert_eq!(hash, ContentHash::of(&bytes_of("new")));
    assert_eq!(on_disk(&disk, Path::new(FILE), hash), OnDisk::Same);
    assert_eq!(disk.names(), [FILE]);
}

#[test]
fn a_power_cut_leaves_the_old_file_or_the_new_one() {
    for cut in 0..6 {
        let (disk, expected) = disk_with_old();
        let disk = disk.cut_before(cut);
        save(&disk, &flow("new"), Path::new(FILE), expected).expect_err("the power has failed");
        for left in disk.after_power_loss(FILE) {
            let left = left.expect("the file is there");
            assert!(left == bytes_of("old") || left == bytes_of("new"), "cut before operation {cut}: {left:?}");
        }
    }
    let (disk, expected) = disk_with_old();
    save(&disk, &flow("new"), Path::new(FILE), expected).expect("it saves");
    assert_eq!(disk.after_power_loss(FILE), [Some(bytes_of("new"))], "what was said to be saved is saved");
}

#[test]
fn the_model_of_power_loss_bites() {
    let (disk, expected) = disk_with_old();
    let disk = disk.careless();
    save(&disk, &flow("new"), Path::new(FILE), expected).expect("the disk says that all is well");
    let left = disk.after_power_loss(FILE);
    assert!(left.contains(&Some(vec![0; bytes_of("new").len()])), "without syncs a file of zeros is possible");
}

#[test]
fn a_fault_leaves_the_old_file_and_no_litter() {
    for fault in 0..5 {
        for how in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other] {
            let (disk, expected) = disk_with_old();
            let disk = disk.failing_at(fault, how);
            let error = save(&disk, &flow("new"), Path::new(FILE), expected).expect_err("a step was refused");
            assert!(error.to_string().contains("shop.ron"), "{error}");
            assert_eq!(disk.contents(FILE), Some(bytes_of("old")), "fault at operation {fault}");
            assert_eq!(disk.names(), [FILE], "fault at operation {fault}");
        }
    }
    let (disk, expected) = disk_with_old();
    let disk = disk.failing_at(5, ErrorKind::Other);
    let error = save(&disk, &flow("new"), Path::new(FILE), expected).expect_err("the folder was not synced");
    let SaveError::NotSynced { hash, .. } = error else { panic!("{error}") };
    assert_eq!(hash, ContentHash::of(&bytes_of("new")), "so that a second attempt knows the file again");
}

#[test]
fn errors_name_the_path_and_the_remedy() {
    let (disk, expected) = disk_with_old();
    let disk = disk.failing_at(4, ErrorKind::ReadOnlyFilesystem);
    let error = save(&disk, &flow("new"), Path::new(FILE), expected).expect_err("it is refused");
    assert_eq!(
        error.to_string(),
        "could not replace /flows/shop.ron: the disk can only be read. Allow writing to its folder, or save to another \
         one"
    );
}

#[test]
fn what_another_program_wrote_is_not_overwritten() {
    let (_, expected) = disk_with_old();
    let theirs = bytes_of("theirs");
    let disk = ModelDisk::with(&[(FILE, theirs.as_slice())]);
    let error = save(&disk, &flow("new"), Path::new(FILE), expected).expect_err("it was changed");
    assert!(matches!(error, SaveError::ChangedOnDisk { .. }), "{error}");
    assert_eq!(disk.contents(FILE), Some(theirs));
    assert_eq!(disk.names(), [FILE]);
    // Keeping mine is a choice.
    save(&disk, &flow("new"), Path::new(FILE), Expected::Anything).expect("it saves");
    assert_eq!(disk.contents(FILE), Some(bytes_of("new")));
}

#[test]
fn a_file_that_is_gone_is_written_anew() {
    let (_, expected) = disk_with_old();
    let disk = ModelDisk::default();
    assert_eq!(on_disk(&disk, Path::new(FILE), ContentHash::of(b"")), OnDisk::Gone);
    save(&disk, &flow("new"), Path::new(FILE), expected).expect("it saves");
    assert_eq!(disk.contents(FILE), Some(bytes_of("new")));
}

#[test]
fn a_symbolic_link_stays_one_and_permissions_stay() {
    let (disk, expected) = disk_with_old();
    disk.link("/desk/shop.ron", FILE);
    disk.set_mode(FILE, 0o640);
    save(&disk, &flow("new"), Path::new("/desk/shop.ron"), expected).expect("it saves");
    assert_eq!(disk.contents(FILE), Some(bytes_of("new")));
    assert_eq!(disk.names(), [FILE]);
    assert_eq!(disk.mode_of(FILE), 0o640);
    disk.set_mode(FILE, 0o440);
    let error = save(&disk, &flow("newer"), Path::new(FILE), Expected::Anything).expect_err("it is protected");
    assert!(matches!(error, SaveError::WriteProtected { .. }), "{error}");
}

#[test]
fn a_real_disk_keeps_what_was_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.ron");
    let first = save(&Disk, &flow("first"), &path, Expected::Anything).expect("it saves");
    let loaded = load(&Disk, &path).expect("it loads");
    assert_eq!((loaded.flow.name(), loaded.hash, loaded.path.as_path()), ("first", first, path.as_path()));
    save(&Disk, &flow("second"), &path, Expected::Still(first)).expect("it saves");
    assert_eq!(on_disk(&Disk, &path, first), OnDisk::Changed);
    fs::write(&path, "theirs").expect("another program writes");
    save(&Disk, &flow("third"), &path, Expected::Still(first)).expect_err("it was changed");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "theirs");
    let names: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["shop.ron"], "nothing else stays behind");
}

#[cfg(unix)]
#[test]
fn a_real_disk_keeps_links_and_permissions() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let (path, link) = (folder.path().join("shop.ron"), folder.path().join("link.ron"));
    save(&Disk, &flow("first"), &path, Expected::Anything).expect("it saves");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("it is ours");
    symlink("shop.ron", &link).expect("a link");
    save(&Disk, &flow("second"), &link, Expected::Anything).expect("it saves");
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    assert_eq!(load(&Disk, &path).expect("it loads").flow.name(), "second");
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o640);
}

#[test]
fn what_cannot_be_read_comes_back_as_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.ron");
    fs::write(&path, "Flow(\n    format: 1,\n    nmae: \"Shop\",\n)").expect("a file");
    let error = load(&Disk, &path).expect_err("it is wrong");
    assert!(error.to_string().contains("shop.ron:3:5: there is no setting “nmae” here"), "{error}");
    let LoadError::NoFlow { text, .. } = error else { panic!("{error}") };
    assert!(text.contains("nmae"));
    fs::write(&path, b"Flow(\xff").expect("a file");
    assert!(matches!(load(&Disk, &path), Err(LoadError::NoText { at: 5, .. })));
    assert!(matches!(load(&Disk, folder.path()), Err(LoadError::Refused { .. })));
    assert!(matches!(load(&Disk, &folder.path().join("none.ron")), Err(LoadError::Refused { .. })));
}

#[cfg(unix)]
#[test]
fn a_flow_reads_data_in_its_own_folder_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("flows");
    fs::create_dir_all(home.join("data")).expect("a folder");
    fs::write(home.join("data/log.jsonl"), "{}").expect("a file");
    fs::write(folder.path().join("secret"), "secret").expect("a file");
    std::os::unix::fs::symlink("../secret", home.join("outwards")).expect("a link");
    std::os::unix::fs::symlink("data/log.jsonl", home.join("inwards")).expect("a link");
    for name in ["data/log.jsonl", "./data/log.jsonl", "inwards"] {
        assert_eq!(read_data(&Disk, &home, name).expect(name).bytes, b"{}");
    }
    let absolute = folder.path().join("secret").display().to_string();
    for name in ["../secret", "data/../../secret", "outwards", "", "C:\\secret", &absolute] {
        assert!(matches!(read_data(&Disk, &home, name), Err(DataError::Outside { .. })), "{name}");
    }
    assert!(matches!(read_data(&Disk, &home, "none"), Err(DataError::Refused { .. })));
    assert!(matches!(read_data(&Disk, &home, "data"), Err(DataError::Refused { .. })));
}

#[test]
fn settings_are_remembered_and_never_in_the_way() {
    let path = Path::new("/config/eventloom/settings.ron");
    let disk = ModelDisk::default();
    assert_eq!(load_settings(&disk, path), (Settings::default(), None));
    let mut settings = Settings { theme: Theme::Light, ..Settings::default() };
    for number in 0..RECENT_FILES + 3 {
        settings.remember(Path::new(&format!("/flows/{number}.ron")));
    }
    settings.remember(Path::new("/flows/5.ron"));
    assert_eq!(settings.recent.len(), RECENT_FILES);
    assert_eq!(settings.recent[0], Path::new("/flows/5.ron"));
    save_settings(&disk, &settings, path).expect("it saves");
    assert_eq!(load_settings(&disk, path), (settings, None));
    let newer = ModelDisk::with(&[("/s.ron", b"(theme: Light, from_the_future: (1, 2))")]);
    let (read, why) = load_settings(&newer, Path::new("/s.ron"));
    assert_eq!((read.theme, why), (Theme::Light, None));
    let damaged = ModelDisk::with(&[("/s.ron", b"(theme: ")]);
    let (read, why) = load_settings(&damaged, Path::new("/s.ron"));
    assert_eq!(read, Settings::default());
    assert!(why.expect("a reason").contains("/s.ron"));
}
