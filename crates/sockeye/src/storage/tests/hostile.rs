//! What somebody with access to the destination plants there or exchanges meanwhile.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::super::resume::staging_name;
use super::*;

struct Scene {
    _dir: tempfile::TempDir,
    destination: PathBuf,
    outside: PathBuf,
    /// Modes and times of `outside` and of the file in it, as they were made.
    before: [(u32, i64, i64); 2],
    volume: DiskVolume,
}

/// A destination, and a directory beside it that nothing may reach. The end of the scene looks that nothing did.
fn scene() -> Scene {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (destination, outside) = (dir.path().join("srv/up"), dir.path().join("srv/up2"));
    fs::create_dir_all(&destination).expect("made");
    fs::create_dir_all(&outside).expect("made");
    fs::write(outside.join("secret"), "secret").expect("written");
    for (path, mode) in [(outside.join("secret"), 0o640), (outside.clone(), 0o711)] {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("ours");
    }
    let before = attributes(&outside);
    let volume = DiskVolume::open(&destination).expect("opens");
    Scene { _dir: dir, destination, outside, before, volume }
}

fn attributes(outside: &Path) -> [(u32, i64, i64); 2] {
    [outside.to_path_buf(), outside.join("secret")].map(|path| {
        let found = fs::symlink_metadata(path).expect("there");
        (found.mode(), found.mtime(), found.mtime_nsec())
    })
}

impl Scene {
    fn staging(&self) -> PathBuf {
        self.destination.join(String::from_utf8(staging_name(&KEY)).expect("plain"))
    }

    fn assert_outside_untouched(&self) {
        let names: Vec<_> = fs::read_dir(&self.outside)
            .expect("lists")
            .map(|entry| entry.expect("one").file_name())
            .collect();
        assert_eq!(names, ["secret"]);
        assert_eq!(fs::read(self.outside.join("secret")).expect("there"), b"secret");
        assert_eq!(attributes(&self.outside), self.before, "modes and times");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A test that failed already has said why; a second panic would end the process.
        if !std::thread::panicking() {
            self.assert_outside_untouched();
        }
    }
}

/// The file in the deeper directory of [`tree`].
const DEEPEST: EntryId = 4;

/// Its directories are for their owner only, which would show on any other that took their mode.
fn tree() -> Source {
    let mut source = Source::new();
    let directory = |source: &mut Source, parent, name: &[u8]| {
        source.push(parent, name, EntryKind::Directory, 0o700, &[])
    };
    let dir = directory(&mut source, None, b"d");
    source.file(Some(dir), "secret", b"overwritten");
    source.file(Some(dir), "large", &content(1, 2 * BLOCK));
    let below = directory(&mut source, Some(dir), b"below");
    source.file(Some(below), "f", b"f");
    source
}

#[test]
fn a_link_where_a_directory_is_sent() {
    for existing in [Existing::Refuse, Existing::Overwrite, Existing::Rename, Existing::Skip] {
        let scene = scene();
        symlink(&scene.outside, scene.destination.join("d")).expect("made");
        let report = receive(&scene.volume, &tree(), existing);
        assert_eq!(report.failures.len(), 5, "{existing:?}");
        scene.assert_outside_untouched();
        assert!(fs::symlink_metadata(scene.destination.join("d")).expect("there").is_symlink());
    }
}

#[test]
fn a_link_where_a_file_is_sent() {
    for existing in [Existing::Refuse, Existing::Overwrite, Existing::Rename, Existing::Skip] {
        let scene = scene();
        fs::create_dir(scene.destination.join("d")).expect("made");
        for name in ["secret", "large"] {
            symlink(scene.outside.join("secret"), scene.destination.join("d").join(name)).expect("made");
        }
        receive(&scene.volume, &tree(), existing);
        scene.assert_outside_untouched();
    }
}

#[test]
fn a_link_where_the_staging_directory_belongs() {
    let scene = scene();
    symlink(&scene.outside, scene.staging()).expect("made");
    let opened = Destination::open(scene.volume.clone(), KEY, options(Existing::Overwrite));
    assert!(matches!(opened, Err(StorageError::Staging { .. })));
    scene.assert_outside_untouched();
}

#[test]
fn a_staging_directory_that_others_can_use() {
    let scene = scene();
    fs::create_dir(scene.staging()).expect("made");
    for mode in [0o777, 0o755, 0o710] {
        fs::set_permissions(scene.staging(), PermissionsExt::from_mode(mode)).expect("ours");
        let opened = Destination::open(scene.volume.clone(), KEY, options(Existing::Overwrite));
        assert!(matches!(opened, Err(StorageError::Staging { .. })), "{mode:o}");
    }
    if scene.volume.owner() == 0 {
        fs::set_permissions(scene.staging(), PermissionsExt::from_mode(0o700)).expect("ours");
        std::os::unix::fs::chown(scene.staging(), Some(12345), None).expect("root may");
        let opened = Destination::open(scene.volume.clone(), KEY, options(Existing::Overwrite));
        assert!(matches!(opened, Err(StorageError::Staging { .. })), "another owner");
    }
}

#[test]
fn links_planted_in_the_staging_directory() {
    let scene = scene();
    fs::create_dir(scene.staging()).expect("made");
    fs::set_permissions(scene.staging(), PermissionsExt::from_mode(0o700)).expect("ours");
    let secret = scene.outside.join("secret");
    // Names of part files and small files: they are cleared away, as links.
    for name in ["part-00000000", "part-00000001", "file-00000001", "anything"] {
        symlink(&secret, scene.staging().join(name)).expect("made");
    }
    receive(&scene.volume, &tree(), Existing::Refuse);
    scene.assert_outside_untouched();
    assert!(!scene.staging().exists());
    // The journal: it is not followed, neither is a second name of another file.
    fs::create_dir(scene.staging()).expect("made");
    fs::set_permissions(scene.staging(), PermissionsExt::from_mode(0o700)).expect("ours");
    symlink(&secret, scene.staging().join("journal")).expect("made");
    let opened = Destination::open(scene.volume.clone(), KEY, options(Existing::Overwrite));
    assert!(matches!(opened, Err(StorageError::Staging { .. })));
    fs::remove_file(scene.staging().join("journal")).expect("ours");
    fs::hard_link(&secret, scene.staging().join("journal")).expect("made");
    let opened = Destination::open(scene.volume.clone(), KEY, options(Existing::Overwrite));
    assert!(matches!(opened, Err(StorageError::Staging { .. })));
    scene.assert_outside_untouched();
}

#[test]
fn a_directory_exchanged_for_a_link_meanwhile() {
    let scene = scene();
    let source = tree();
    let mut destination =
        Destination::open(scene.volume.clone(), KEY, options(Existing::Overwrite)).expect("opens");
    drive(&mut destination, &source, None).expect("stores");
    fs::rename(scene.destination.join("d/below"), scene.destination.join("away")).expect("moved");
    symlink(&scene.outside, scene.destination.join("d/below")).expect("made");
    destination.finish().expect("finishes");
    scene.assert_outside_untouched();
}

#[cfg(target_os = "linux")]
#[test]
fn a_race_of_exchanges() {
    let scene = scene();
    fs::create_dir_all(scene.destination.join("d/below")).expect("made");
    for name in ["evil", "evil below"] {
        symlink(&scene.outside, scene.destination.join(name)).expect("made");
    }
    // By handles, so that a name means the same thing whatever the other thread has done meanwhile.
    let root = fs::File::open(&scene.destination).expect("opens");
    let dir = fs::File::open(scene.destination.join("d")).expect("opens");
    let exchanges = [(&root, "d", "evil"), (&dir, "below", "evil below")];
    let stop = AtomicBool::new(false);
    // How often everything arrived, nothing did, and only what is not in the deeper directory.
    let mut seen = [0; 3];
    std::thread::scope(|scope| {
        for (at, name, link) in exchanges {
            let (root, stop) = (&root, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    exchange((at, name), (root, link));
                }
            });
        }
        let began = Instant::now();
        let mut runs = 0;
        // At least so long, and until the race was lost and won in each way; a slow machine gets the time that it takes.
        while began.elapsed() < Duration::from_millis(400)
            || seen.contains(&0) && began.elapsed() < Duration::from_secs(20)
        {
            runs += 1;
            let mut options = options(Existing::Overwrite);
            options.commit_beside = runs % 2 == 0;
            let mut destination = Destination::open(scene.volume.clone(), KEY, options).expect("opens");
            drive(&mut destination, &tree(), None).expect("stores");
            let report = destination.finish().expect("finishes");
            match (report.files, report.failures.iter().any(|(id, _)| *id == DEEPEST)) {
                (3, _) => seen[0] += 1,
                (0, _) => seen[1] += 1,
                (2, true) => seen[2] += 1,
                _ => {}
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(!seen.contains(&0), "there was no race: {seen:?}");
    scene.assert_outside_untouched();
}

#[cfg(target_os = "linux")]
fn exchange(a: (&fs::File, &str), b: (&fs::File, &str)) {
    use rustix::fs::{RenameFlags, renameat_with};
    renameat_with(a.0, a.1, b.0, b.1, RenameFlags::EXCHANGE).expect("exchanged");
}
