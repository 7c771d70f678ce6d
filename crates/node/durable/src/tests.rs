//! Crashes at every step, on a disk that keeps what it promised and no more.

use super::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A file of the model: what was written, and what of it is durable.
#[derive(Debug, Clone, Default)]
struct Node {
    written: Rc<RefCell<Vec<u8>>>,
    durable: Rc<RefCell<Vec<u8>>>,
}

/// A disk on which names are durable once their directory is, and contents once they are synced; power goes before one of
/// the steps.
#[derive(Debug, Default)]
struct Model {
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    steps: Vec<&'static str>,
    /// The step at which it refuses.
    fails_at: Option<usize>,
}

impl Model {
    fn step(&mut self, name: &'static str) -> io::Result<()> {
        if self.fails_at == Some(self.steps.len()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.steps.push(name);
        Ok(())
    }

    /// Returns what a path holds after the power is back: the worst that may be.
    fn after_crash(&self, path: &str) -> Option<Vec<u8>> {
        self.durable_names.get(Path::new(path)).map(|node| node.durable.borrow().clone())
    }
}

impl Disk for Model {
    type File = Node;

    fn begin(&mut self, path: &Path) -> io::Result<Node> {
        self.step("begin")?;
        self.names.insert(path.to_path_buf(), Node::default());
        Ok(self.names[path].clone())
    }

    fn begin_secret(&mut self, path: &Path) -> io::Result<Node> {
        match self.names.contains_key(path) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => self.begin(path),
        }
    }

    fn sync(&mut self, file: &Node) -> io::Result<()> {
        self.step("sync")?;
        file.durable.replace(file.written.borrow().clone());
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename")?;
        let node = self.names.remove(from).expect("there");
        self.names.insert(to.to_path_buf(), node);
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.names.remove(path);
        Ok(())
    }

    fn sync_directory(&mut self, dir: &Path) -> io::Result<()> {
        assert_eq!(dir, Path::new("d"));
        self.step("sync directory")?;
        self.durable_names = self.names.clone();
        Ok(())
    }
}

fn write(file: &mut Node) -> io::Result<()> {
    file.written.borrow_mut().extend(b"new");
    Ok(())
}

/// A disk that holds `d/file` with "old", durably.
fn old() -> Model {
    let mut disk = Model::default();
    let node = Node::default();
    node.written.replace(b"old".to_vec());
    node.durable.replace(b"old".to_vec());
    disk.names.insert("d/file".into(), node);
    disk.durable_names = disk.names.clone();
    disk
}

#[test]
fn a_crash_before_any_step_leaves_the_old_file_or_the_new_one_whole() {
    let path = Path::new("d/file");
    let mut whole = old();
    replace_on(&mut whole, path, write).unwrap();
    assert_eq!(whole.steps, ["begin", "sync", "rename", "sync directory"]);
    assert_eq!(whole.after_crash("d/file").unwrap(), b"new", "it has returned: it is there");
    for step in 0..whole.steps.len() {
        let mut disk = Model { fails_at: Some(step), ..old() };
        assert!(replace_on(&mut disk, path, write).is_err());
        let found = disk.after_crash("d/file").unwrap();
        assert!(found == b"old" || found == b"new", "before step {step}: {found:?}");
        // The names that happen to be on the disk may be the newer ones.
        let found = disk.names[path].durable.borrow().clone();
        assert!(found == b"old" || found == b"new", "before step {step}: {found:?}");
        assert!(!disk.names.contains_key(Path::new("d/file.unfinished")));
    }
}

#[test]
fn a_key_that_was_made_is_found_after_a_crash_and_none_is_written_over() {
    let mut disk = old();
    let key = Path::new("d/key");
    create_on(&mut disk, key, write).unwrap();
    assert_eq!(disk.after_crash("d/key").unwrap(), b"new");
    let again = create_on(&mut disk, key, |_| panic!("nothing is written"));
    assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    for step in 0..2 {
        let mut disk = Model { fails_at: Some(step), ..old() };
        assert!(create_on(&mut disk, key, write).is_err());
        assert!(!disk.names.contains_key(key), "half a key is none: step {step}");
    }
}

#[test]
fn files_and_directories_are_made_on_a_real_disk() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = std::env::temp_dir().join(format!("durable-{}", std::process::id()));
    drop(fs::remove_dir_all(&root));
    let dir = root.join("a/b");
    create_directory(&dir).unwrap();
    create_directory(&dir).unwrap();
    let path = dir.join("file");
    put(&path, b"old").unwrap();
    let (mut file, length) = replace(&path, |file| file.write(b"new")).unwrap();
    file.write_all(b"er").unwrap();
    assert_eq!((fs::read(&path).unwrap(), length), (b"newer".to_vec(), 3));
    let refused = replace(&path, |_| Err::<(), _>(io::ErrorKind::StorageFull.into()));
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::StorageFull);
    let key = dir.join("key");
    create_secret(&key, b"secret").unwrap();
    assert!(create_secret(&key, b"other").is_err());
    assert_eq!(fs::read(&key).unwrap(), b"secret");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|held| held.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing unfinished stays: {names:?}");
    fs::remove_dir_all(&root).unwrap();
}
