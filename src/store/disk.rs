//! What is asked of a file system, and the real one.
//!
//! The operations are the steps that matter for safety, one each, so that a test can put a power cut or a fault between
//! any two of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The operations that saving and loading are made of.
pub trait FileSystem {
    /// What a regular file holds; refused with [`io::ErrorKind::FileTooLarge`] if that is more than `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// Where a path leads when its last part is a symbolic link, whether or not something is there.
    fn target(&self, path: &Path) -> io::Result<PathBuf>;

    /// A path without any symbolic links; it must lead somewhere.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// The permission bits of a file; `None` where the system has none.
    fn mode(&self, path: &Path) -> io::Result<Option<u32>>;

    /// Makes a file that did not exist, with these permission bits or the usual ones.
    fn create_new(&self, path: &Path, mode: Option<u32>) -> io::Result<Box<dyn NewFile + '_>>;

    /// Puts a file in the place of another in one step: at every moment one of them is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Waits until the disk knows the names in a folder.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder and those above it, where they are missing.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file that was just made and is still open: what is synced through another handle may miss an error of this one.
pub trait NewFile {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until the disk holds everything that was written.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system of this computer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

/// How many symbolic links are followed, as Linux does.
const LINKS: usize = 40;

impl FileSystem for Disk {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let about = fs::metadata(path)?;
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // A pipe or a device may never answer, or never end.
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let mut bytes = Vec::new();
        // The length that was told may be out of date by now; the limit holds all the same.
        File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    fn target(&self, path: &Path) -> io::Result<PathBuf> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            match fs::read_link(&path) {
                Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
                // No link, or nothing there yet: this is the place.
                Err(_) => return Ok(path),
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, "its symbolic links go in a circle"))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn mode(&self, path: &Path) -> io::Result<Option<u32>> {
        mode_of(&fs::metadata(path)?)
    }

    fn create_new(&self, path: &Path, mode: Option<u32>) -> io::Result<Box<dyn NewFile + '_>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        if let Some(mode) = mode
            && let Err(error) = set_mode(&file, mode)
        {
            drop(file);
            // Nothing was promised about this file yet; if it cannot be removed, the first error is the one to tell.
            return Err(fs::remove_file(path).err().map_or(error, |_| io::ErrorKind::PermissionDenied.into()));
        }
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        sync_names(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }
}

impl NewFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there are no permission bits")]
fn mode_of(about: &fs::Metadata) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(Some(about.permissions().mode() & 0o7777))
}

#[cfg(not(unix))]
fn mode_of(_: &fs::Metadata) -> io::Result<Option<u32>> {
    Ok(None)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_names(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(folder)?.sync_all() {
        // Some network and user-space file systems cannot, and say so; there is nothing better to be had from them.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Windows has no handle of a folder that could be synced; NTFS keeps its names in a journal.
#[cfg(not(unix))]
fn sync_names(_: &Path) -> io::Result<()> {
    Ok(())
}
