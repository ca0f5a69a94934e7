//! A disk that can lose its power and refuse its service: what is not synced may vanish, come in another order, or
//! leave zeros behind.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use eventloom::store::{FileSystem, NewFile};

/// A disk in memory that counts operations.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelDisk {
    state: RefCell<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// What each file holds, for programs.
    contents: Vec<Content>,
    /// Which file each name means, for programs.
    names: BTreeMap<PathBuf, usize>,
    /// Which file each name means, for the disk.
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that the disk has not confirmed.
    pending: Vec<NameChange>,
    /// Symbolic links.
    links: BTreeMap<PathBuf, PathBuf>,
    operations: Vec<String>,
    /// The operation that fails, and how.
    fault: Option<(usize, io::ErrorKind)>,
    /// The operation before which the power fails; nothing works from there on.
    cut: Option<usize>,
    /// A disk that says “synced” and is not.
    careless: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Option<Vec<u8>>,
    mode: u32,
}

#[derive(Clone, Debug)]
enum NameChange {
    Made(PathBuf, usize),
    Renamed(PathBuf, PathBuf, usize),
    Removed(PathBuf),
}

impl ModelDisk {
    /// A disk that holds these files for good.
    pub(crate) fn with(files: &[(&str, &[u8])]) -> Self {
        let mut state = State::default();
        for (path, bytes) in files {
            state.contents.push(Content { bytes: bytes.to_vec(), durable: Some(bytes.to_vec()), mode: 0o644 });
            state.names.insert(path.into(), state.contents.len() - 1);
        }
        state.durable_names = state.names.clone();
        Self { state: RefCell::new(state) }
    }

    /// A disk that ignores every sync: the protocol must not survive on it, or the model proves nothing.
    pub(crate) fn careless(self) -> Self {
        self.state.borrow_mut().careless = true;
        self
    }

    /// Lets one operation fail, counted from 0.
    pub(crate) fn failing_at(self, operation: usize, how: io::ErrorKind) -> Self {
        self.state.borrow_mut().fault = Some((operation, how));
        self
    }

    /// Cuts the power before an operation, counted from 0.
    pub(crate) fn cut_before(self, operation: usize) -> Self {
        self.state.borrow_mut().cut = Some(operation);
        self
    }

    pub(crate) fn set_mode(&self, path: &str, mode: u32) {
        let mut state = self.state.borrow_mut();
        let file = state.names[Path::new(path)];
        state.contents[file].mode = mode;
    }

    pub(crate) fn link(&self, from: &str, to: &str) {
        self.state.borrow_mut().links.insert(from.into(), to.into());
    }

    /// What has been asked for, one line an operation.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.state.borrow().operations.clone()
    }

    /// What programs see in a file.
    pub(crate) fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state.borrow();
        state.names.get(Path::new(path)).map(|file| state.contents[*file].bytes.clone())
    }

    pub(crate) fn mode_of(&self, path: &str) -> u32 {
        let state = self.state.borrow();
        state.contents[state.names[Path::new(path)]].mode
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state.borrow().names.keys().map(|path| path.display().to_string()).collect()
    }

    /// Everything that a file may hold after the power has failed now: `None` is no such file.
    pub(crate) fn after_power_loss(&self, path: &str) -> Vec<Option<Vec<u8>>> {
        let state = self.state.borrow();
        let mut found = Vec::new();
        // Unconfirmed changes of names: each of them may have come through, whatever became of the others.
        for kept in 0..1_u32 << state.pending.len() {
            let mut names = state.durable_names.clone();
            for (index, change) in state.pending.iter().enumerate() {
                if kept >> index & 1 == 0 {
                    continue;
                }
                match change {
                    NameChange::Made(path, file) => {
                        names.insert(path.clone(), *file);
                    }
                    NameChange::Renamed(from, to, file) => {
                        names.remove(from);
                        names.insert(to.clone(), *file);
                    }
                    NameChange::Removed(path) => {
                        names.remove(path);
                    }
                }
            }
            match names.get(Path::new(path)) {
                None => found.push(None),
                Some(file) => found.extend(possible_contents(&state.contents[*file]).into_iter().map(Some)),
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// What the disk may hold of a file: what was synced, or else nothing, a part, zeros of the right length, or all.
fn possible_contents(content: &Content) -> Vec<Vec<u8>> {
    let bytes = &content.bytes;
    match &content.durable {
        Some(durable) if durable == bytes => vec![bytes.clone()],
        durable => {
            let mut all = vec![Vec::new(), bytes[..bytes.len() / 2].to_vec(), vec![0; bytes.len()], bytes.clone()];
            all.extend(durable.clone());
            all
        }
    }
}

impl State {
    fn operation(&mut self, what: String) -> io::Result<()> {
        let number = self.operations.len();
        if self.cut.is_some_and(|cut| number >= cut) {
            return Err(io::Error::other("the power has failed"));
        }
        self.operations.push(what);
        match self.fault {
            Some((at, how)) if at == number => Err(how.into()),
            _ => Ok(()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The random part of a temporary name is of no interest.
    if name.ends_with(".tmp") { "temporary".to_owned() } else { name.into_owned() }
}

impl FileSystem for ModelDisk {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut state = self.state.borrow_mut();
        state.operation(format!("read {}", name(path)))?;
        let bytes = state.contents[state.file(path)?].bytes.clone();
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    fn target(&self, path: &Path) -> io::Result<PathBuf> {
        let state = self.state.borrow();
        Ok(state.links.get(path).cloned().unwrap_or_else(|| path.to_owned()))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.target(path)
    }

    fn mode(&self, path: &Path) -> io::Result<Option<u32>> {
        let state = self.state.borrow();
        Ok(Some(state.contents[state.file(path)?].mode))
    }

    fn create_new(&self, path: &Path, mode: Option<u32>) -> io::Result<Box<dyn NewFile + '_>> {
        let mut state = self.state.borrow_mut();
        state.operation(format!("create {}", name(path)))?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.contents.len();
        state.contents.push(Content { mode: mode.unwrap_or(0o644), ..Content::default() });
        state.names.insert(path.to_owned(), file);
        state.pending.push(NameChange::Made(path.to_owned(), file));
        Ok(Box::new(OpenFile { disk: self, file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.operation(format!("rename {} to {}", name(from), name(to)))?;
        let file = state.file(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        state.pending.push(NameChange::Renamed(from.to_owned(), to.to_owned(), file));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.operation(format!("sync folder {}", name(folder)))?;
        if !state.careless {
            state.durable_names = state.names.clone();
            state.pending.clear();
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.operation(format!("remove {}", name(path)))?;
        state.file(path)?;
        state.names.remove(path);
        state.pending.push(NameChange::Removed(path.to_owned()));
        Ok(())
    }

    fn create_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

struct OpenFile<'disk> {
    disk: &'disk ModelDisk,
    file: usize,
}

impl NewFile for OpenFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state.borrow_mut();
        if let Err(error) = state.operation("write".to_owned()) {
            // A full disk takes a part before it refuses.
            let part = &bytes[..bytes.len() / 2];
            state.contents[self.file].bytes.extend_from_slice(part);
            return Err(error);
        }
        state.contents[self.file].bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state.borrow_mut();
        state.operation("sync".to_owned())?;
        if !state.careless {
            let bytes = state.contents[self.file].bytes.clone();
            state.contents[self.file].durable = Some(bytes);
        }
        Ok(())
    }
}
