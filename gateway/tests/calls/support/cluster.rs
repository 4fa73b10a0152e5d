//! A PostgreSQL of a test's own: made in a folder that goes away with it, and ended when the test's process ends, however that
//! comes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::{Uid, User};
use tempfile::TempDir;

/// A server, whose user may do everything.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    address: IpAddr,
    /// Has its server end as soon as nobody holds the other end of what it reads.
    running: Option<Child>,
}

/// Where it listens.
pub(crate) const PORT: u16 = 5432;

/// Who it lets in: by its socket everybody, by TCP who knows the password.
pub(crate) const USER: &str = "gate";
pub(crate) const PASSWORD: &str = "sesame of the cluster";

/// The database that the gateway is given.
pub(crate) const DATABASE: &str = "trunk";

/// Starts the server, says so, and ends it when its own input ends; what the server had goes too then, unless it is said to stay.
/// `fsync` would only make tests slow.
const KEEP: &str = r#"set -e
"$0/pg_ctl" --silent -w -D "$1/data" -l "$1/log" -o "-c fsync=off -c listen_addresses=$2 -c unix_socket_directories=$1 $3" start
echo ready
read -r word || word=go
"$0/pg_ctl" --silent -m immediate -D "$1/data" stop
[ "$word" = stay ] || rm -rf "$1"
"#;

impl Cluster {
    /// One that listens at this address and at a socket; `None` where the machine has no PostgreSQL, which was told.
    ///
    /// # Panics
    /// With `WEBTRUNK_TEST_TOOLS=required`, where there is none.
    pub(crate) fn at(address: IpAddr) -> Option<Self> {
        let Some(programs) = programs() else { return passed_over() };
        let folder = TempDir::with_prefix("webtrunk-postgres-").expect("a folder");
        let mut cluster = Self { folder, programs, address, running: None };
        let own = cluster.folder();
        // Who keeps the database is another user, since it refuses to be root.
        fs::set_permissions(own, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        if let Some(user) = other_user() {
            chown(own, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("we are root");
        }
        cluster.give("password", PASSWORD);
        let data = cluster.folder.path().join("data");
        let mut initdb = as_other(&cluster.programs.join("initdb"));
        initdb.args([
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=trust",
        ]);
        initdb.args(["--auth-host=scram-sha-256", "--username", USER, "--pwfile"]);
        initdb.arg(cluster.folder.path().join("password")).arg("-D").arg(data).stdout(Stdio::null());
        assert!(initdb.status().expect("initdb runs").success(), "initdb");
        cluster.start("");
        cluster.make(DATABASE);
        Some(cluster)
    }

    /// Starts it with these options more.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn start(&mut self, options: &str) {
        let mut keep = as_other(Path::new("sh"));
        keep.args(["-c", KEEP]).arg(&self.programs).arg(self.folder.path());
        keep.args([&self.address.to_string(), options]);
        let mut running = keep.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut said = String::new();
        let out = running.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut said).expect("it is piped");
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert_eq!(said, "ready\n", "{}", log());
        self.running = Some(running);
    }

    /// Ends it as a crash does; what it has stays.
    pub(crate) fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let mut told = running.stdin.take().expect("it is piped");
        told.write_all(b"stay\n").expect("it is there");
        drop(told);
        running.wait().expect("it is ours");
    }

    /// Makes a database.
    pub(crate) fn make(&self, database: &str) {
        self.tell("postgres", &format!("CREATE DATABASE \"{database}\""));
    }

    /// Has a statement done, and gives what comes of it: a line for each row.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) fn tell(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", USER, "-h"]).arg(self.folder.path());
        let told = psql.args(["-d", database, "-c", statement]).output().expect("psql runs");
        assert!(told.status.success(), "{statement}: {}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).expect("text").trim_end().to_owned()
    }

    /// The address of a database by the socket.
    pub(crate) fn by_socket(&self, database: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}/{database}")
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// The address of a database by TCP.
    pub(crate) fn by_tcp(&self, database: &str) -> String {
        format!("postgres://{USER}@{}:{PORT}/{database}", self.address)
    }

    /// Gives the server a file that it alone may read.
    pub(crate) fn give(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        fs::write(&path, text).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        if let Some(user) = other_user() {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("we are root");
        }
    }

    /// A file with the password, for whoever is to know it.
    pub(crate) fn password_file(&self) -> PathBuf {
        let path = self.folder().join("password-of-gateway");
        fs::write(&path, PASSWORD).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        path
    }

    /// What it has is there, and may be added to.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of the newest PostgreSQL; Debian has each version's in its own.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").is_file()).max()
}

/// Who keeps the database where we are root.
fn other_user() -> Option<User> {
    let user = || User::from_name("postgres").expect("users can be read").expect("its package makes it");
    Uid::effective().is_root().then(user)
}

/// A program as that user.
fn as_other(program: &Path) -> Command {
    let Some(user) = other_user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={}", user.uid), format!("--regid={}", user.gid)]);
    command.args(["--clear-groups", "--"]).arg(program).current_dir("/");
    command
}

#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn passed_over<T>() -> Option<T> {
    let are_required = std::env::var("WEBTRUNK_TEST_TOOLS").as_deref() == Ok("required");
    assert!(!are_required, "no PostgreSQL is in /usr/lib/postgresql: run scripts/setup test");
    eprintln!("passed over: no PostgreSQL in /usr/lib/postgresql");
    None
}
