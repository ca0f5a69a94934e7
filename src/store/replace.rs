//! Putting new content in a file's place, so that at every moment the old or the new is there, whole.

use std::ffi::OsString;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use crate::file;

use super::{ContentHash, FileSystem, in_words};

/// What the file on disk has to hold for it to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it holds: the person has chosen it.
    Anything,
    /// What was loaded or saved last; or nothing any more.
    Still(ContentHash),
}

/// Why a file was not saved.
///
/// The file on disk is as it was, but for [`SaveError::NotSynced`].
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// What would be written does not read back as what it is written for: a mistake in this program.
    #[error("{} was not saved, since its text would not read back: {why}. This is a mistake in Eventloom; please report it and keep the window open", .path.display())]
    NotReadBack {
        /// The file.
        path: PathBuf,
        /// How it differs.
        why: String,
    },
    /// Somebody else has changed the file since.
    #[error("{} has been changed by another program since it was opened. Reload it, keep yours, or compare", .path.display())]
    ChangedOnDisk {
        /// The file.
        path: PathBuf,
    },
    /// Its permissions say that nobody is to write to it.
    #[error("{} is write-protected. Allow writing to it, or save under another name", .path.display())]
    WriteProtected {
        /// The file.
        path: PathBuf,
    },
    /// The system refused a step.
    #[error("could not {step} {}: {}. {}", .path.display(), in_words(.source), remedy(.source))]
    Refused {
        /// What was being done.
        step: Step,
        /// To which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is new and whole, but the disk has not confirmed that it will stay so after a power cut.
    #[error("{} was written, but the disk did not confirm it: {}. Save again", .path.display(), in_words(.source))]
    NotSynced {
        /// The file.
        path: PathBuf,
        /// What it holds now.
        hash: ContentHash,
        /// What the disk said.
        source: io::Error,
    },
}

/// A step of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Finding the file.
    Find,
    /// Reading what the file holds now.
    Compare,
    /// Making the new file beside it.
    Create,
    /// Writing the new file.
    Write,
    /// Waiting for the disk.
    Sync,
    /// Putting the new file in the old one's place.
    Replace,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Find => "find",
            Self::Compare => "look at",
            Self::Create => "create",
            Self::Write => "write",
            Self::Sync => "get the disk to keep",
            Self::Replace => "replace",
        })
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Free some space and save again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Allow writing to its folder, or save to another one"
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "Its folder is gone; save to another one",
        _ => "Try again, or save to another folder",
    }
}

/// How often another name is tried for the new file beside the old one.
const NAMES: u32 = 16;

/// Replaces what a file holds, step by step:
///
/// 1. follow a symbolic link, so that it stays one;
/// 2. make a new file in the same folder, with the old one's permissions, write it, and wait for the disk;
/// 3. look whether the file on disk still holds what is expected;
/// 4. put the new file in its place, and wait until the disk knows.
pub(super) fn replace(
    fs: &dyn FileSystem,
    path: &Path,
    bytes: &[u8],
    expected: Expected,
) -> Result<ContentHash, SaveError> {
    let refused = |step, path: &Path| {
        let path = path.to_owned();
        move |source| SaveError::Refused { step, path, source }
    };
    let target = fs.target(path).map_err(refused(Step::Find, path))?;
    let mode = match fs.mode(&target) {
        Ok(Some(mode)) if mode & 0o222 == 0 => return Err(SaveError::WriteProtected { path: path.to_owned() }),
        Ok(mode) => mode,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(refused(Step::Find, path)(error)),
    };

    let (temporary, mut file) = create_beside(fs, &target, mode)?;
    let written = file.write(bytes).map_err(refused(Step::Write, &temporary));
    let synced = written.and_then(|()| file.sync().map_err(refused(Step::Sync, &temporary)));
    drop(file);
    let ready = synced.and_then(|()| check(fs, &target, path, expected));
    // Here the old file will be kept as a version, once there are versions.
    let replaced = ready.and_then(|()| fs.rename(&temporary, &target).map_err(refused(Step::Replace, path)));
    if let Err(error) = replaced {
        // If even that is refused, a hidden file stays behind; the person needs the first error, not this one.
        drop(fs.remove(&temporary));
        return Err(error);
    }

    let hash = ContentHash::of(bytes);
    let folder = target.parent().unwrap_or(Path::new(""));
    match fs.sync_folder(folder) {
        Ok(()) => Ok(hash),
        Err(source) => Err(SaveError::NotSynced { path: path.to_owned(), hash, source }),
    }
}

/// Makes `.<name>.<pid>.<random>.tmp` in the folder of the file that it will replace: a rename stays within one disk.
fn create_beside<'fs>(
    fs: &'fs dyn FileSystem,
    target: &Path,
    mode: Option<u32>,
) -> Result<(PathBuf, Box<dyn super::NewFile + 'fs>), SaveError> {
    let name = target.file_name().unwrap_or_default();
    let mut last = None;
    for _ in 0..NAMES {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        // Each RandomState is seeded by the system, which is all the chance that a file name needs.
        let random = RandomState::new().build_hasher().finish() as u32;
        hidden.push(format!(".{}.{random:08x}.tmp", std::process::id()));
        let temporary = target.with_file_name(hidden);
        match fs.create_new(&temporary, mode) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some((temporary, error)),
            Err(source) => return Err(SaveError::Refused { step: Step::Create, path: temporary, source }),
        }
    }
    let (path, source) = last.unwrap_or_else(|| (target.to_owned(), io::ErrorKind::AlreadyExists.into()));
    Err(SaveError::Refused { step: Step::Create, path, source })
}

/// Refuses if the file holds something that nobody here has seen. A file that is gone has nothing to lose.
fn check(fs: &dyn FileSystem, target: &Path, path: &Path, expected: Expected) -> Result<(), SaveError> {
    let Expected::Still(hash) = expected else { return Ok(()) };
    match fs.read(target, file::MAX_BYTES as u64) {
        Ok(bytes) if ContentHash::of(&bytes) == hash => Ok(()),
        Ok(_) => Err(SaveError::ChangedOnDisk { path: path.to_owned() }),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            // Longer than anything that was loaded or saved here.
            io::ErrorKind::FileTooLarge => Err(SaveError::ChangedOnDisk { path: path.to_owned() }),
            _ => Err(SaveError::Refused { step: Step::Compare, path: path.to_owned(), source: error }),
        },
    }
}
