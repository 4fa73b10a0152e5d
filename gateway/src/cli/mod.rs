//! The command line.

mod admin;
mod apikey;
mod cdr;
mod check;
mod doubts;
mod explain;
mod machine;
mod password;
mod seals;
mod token;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, DEFAULT_REALM, LogConfig, LogFormat};
use crate::demo::{Demo, DemoAddresses};
use crate::serve::{ServeError, Source};
use crate::supervision::EXIT_UNSOUND;
use crate::{addresses, logging, serve};

/// A WebRTC trunk in one binary: browsers on one side, the telephone network on the other.
#[derive(Debug, Parser)]
#[command(name = "webtrunk", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway by a configuration file, until SIGTERM or SIGINT; SIGHUP has it read the file again.
    Run {
        /// The configuration, TOML; `docs/webtrunk.toml` shows everything in it.
        config: PathBuf,
    },
    /// Start with a test phone, made-up users and numbers to try; needs no configuration.
    ///
    /// HTTP and SIP listen on loopback, media at the machine's other addresses too. The users' passwords are made at the start and
    /// given to the page.
    Demo {
        /// Where the page is served; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = loopback)]
        http: SocketAddr,
        /// Where SIP phones are served, over UDP and TCP; port 0 takes free ones.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5060", value_parser = loopback)]
        sip: SocketAddr,
    },
    /// Check a configuration and tell everything that is wrong with it.
    ///
    /// What this machine lacks for it is told too: addresses that are not its own. A sound configuration that says what
    /// hardly anybody means is summed up with warnings.
    ///
    /// Exit status: 0 sound, 1 faulty, 2 unreadable.
    Check {
        /// The configuration.
        config: PathBuf,
    },
    /// Tell what becomes of a call, by which rule, whom it reaches, and what both ends are told; places none.
    ///
    /// Each rule that was looked at is told with its line and why it is not for the call. Who is called is told in the
    /// order in which it is tried, with the number and the caller as a trunk is shown them; for each end of the call
    /// its SDP and a sentence for each choice of codec, keys and encryption. Callees are taken to answer with the first
    /// codec that they are offered, users to be registered.
    ///
    /// Exit status: 0 told, whatever becomes of the call; 1 a faulty configuration or argument, 2 an unreadable one.
    #[command(after_help = EXAMPLES)]
    Explain(Box<explain::ExplainArguments>),
    /// Tell the calls that a running gateway has, all that it knows of one of them, or hang one up.
    Calls(admin::CallsArguments),
    /// Show the SIP messages of a call of late, all its legs, as a ladder; or list what there is.
    Ladder(admin::LadderArguments),
    /// Write the packets of a call of late to a file for Wireshark: its SIP messages, and what was captured of its media.
    Pcap(admin::PcapArguments),
    /// Capture the media of a call that is under way, to be fetched by pcap.
    Capture(admin::CaptureArguments),
    /// Tell the certificates that a running gateway shows, and how long they are good.
    Certs(admin::Asked),
    /// Have a running gateway read its configuration again, as SIGHUP does, or tell what would change.
    Reload(admin::ReloadArguments),
    /// Have a running gateway take no new calls, and end when those that it has are over, as SIGTERM does.
    Drain(admin::DrainArguments),
    /// Users in the store of a running gateway: add, list, set, remove; in force at once.
    #[command(subcommand)]
    User(Box<admin::UserCommand>),
    /// Customers in the store of a running gateway, with their policies.
    #[command(subcommand)]
    Customer(Box<admin::CustomerCommand>),
    /// Keys of tokens, and of names that last for a while, in the store of a running gateway.
    #[command(subcommand)]
    Key(Box<admin::KeyCommand>),
    /// Records of calls.
    #[command(subcommand)]
    Cdr(cdr::CdrCommand),
    /// Read a password from standard input, or ask for it, and print what the configuration keeps of it.
    Password {
        /// The user's name.
        user: String,
        /// The realm, as in the configuration.
        #[arg(default_value = DEFAULT_REALM)]
        realm: String,
    },
    /// Keys for back ends: add, list and revoke those of a running gateway's store, or make one for the file.
    #[command(subcommand, name = "apikey")]
    ApiKey(Box<apikey::ApiKeyCommand>),
    /// Make tokens for pages, and tell what is in them.
    #[command(subcommand)]
    Token(token::TokenCommand),
}

/// Calls to explain.
const EXAMPLES: &str = "Examples:
  webtrunk explain --from alice --to 9196
  webtrunk explain --from alice --to 0301234567 webtrunk.toml
  webtrunk explain --trunk provider --from +4930123456 --to 4930987654 --at 2026-11-28T09:00:00+01:00 webtrunk.toml";

#[derive(Debug, Args)]
struct LogArguments {
    /// What is logged, such as `info` or `warn,webtrunk_engine=debug`; goes before the configuration's.
    #[arg(long = "log", value_name = "FILTER", env = "WEBTRUNK_LOG", global = true)]
    filter: Option<String>,
    /// How the log looks; goes before the configuration's.
    #[arg(long = "log-format", value_name = "FORMAT", env = "WEBTRUNK_LOG_FORMAT", global = true)]
    format: Option<LogFormat>,
}

/// Something failed that is told to the person at the terminal.
type Failure = Box<dyn std::error::Error>;

/// A faulty configuration, or a gateway that did not start.
const EXIT_FAULTY: u8 = 1;

/// A configuration that cannot be read; clap uses the same for a wrong command line.
const EXIT_UNREADABLE: u8 = 2;

impl Cli {
    /// Does what the command line asks, and says how it went.
    #[must_use]
    pub fn execute(self) -> ExitCode {
        let done = match self.command {
            Command::Run { config } => run(&config, self.log),
            Command::Demo { http, sip } => demo(DemoAddresses { http: Some(http), sip: Some(sip) }, self.log),
            Command::Check { config } => check::check(&config, io::stdout().lock()),
            Command::Explain(arguments) => explain::explain(&arguments, io::stdout().lock()),
            Command::Cdr(command) => command.execute(io::stdout().lock()),
            Command::Calls(arguments) => arguments.execute(io::stdout().lock()),
            Command::Ladder(arguments) => arguments.execute(io::stdout().lock()),
            Command::Pcap(arguments) => arguments.execute(io::stdout().lock()),
            Command::Capture(arguments) => arguments.execute(io::stdout().lock()),
            Command::User(command) => command.execute(io::stdout().lock()),
            Command::Customer(command) => command.execute(io::stdout().lock()),
            Command::Key(command) => command.execute(io::stdout().lock()),
            Command::Certs(asked) => admin::certs(&asked, io::stdout().lock()),
            Command::Reload(arguments) => arguments.execute(io::stdout().lock()),
            Command::Drain(arguments) => arguments.execute(io::stdout().lock()),
            Command::Password { user, realm } => password::print(&user, &realm),
            Command::ApiKey(command) => apikey::apikey(&command, io::stdout().lock()),
            Command::Token(command) => token::token(&command, io::stdout().lock()),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has read enough: `webtrunk check FILE | head -1`.
            Err(failure) if is_broken_pipe(failure.as_ref()) => ExitCode::SUCCESS,
            Err(failure) => tell(failure.as_ref()),
        }
    }
}

impl LogArguments {
    fn over(self, configured: LogConfig) -> LogConfig {
        LogConfig {
            filter: self.filter.unwrap_or(configured.filter),
            format: self.format.unwrap_or(configured.format),
        }
    }
}

fn run(path: &std::path::Path, log: LogArguments) -> Result<(), Failure> {
    let (mut config, text) = Config::load_with_text(path)?;
    let written = config.clone();
    config.media.take_machine(addresses::reachable());
    let is_ours = log.filter.is_none();
    let control = logging::start(&log.over(config.log.clone()))?;
    if addresses::lack_for_browsers(&config) {
        tracing::warn!(
            "this machine has no address to tell browsers, to whom no sound can be sent: connect it to a network, or name \
             addresses by media.addresses"
        );
    }
    let source = Source { file: path.to_owned(), written, text, log: Some(control).filter(|_| is_ours) };
    Ok(serve::run(config, None, Some(source))?)
}

fn demo(bind: DemoAddresses, log: LogArguments) -> Result<(), Failure> {
    let (config, demo) = Demo::new(bind, addresses::reachable());
    logging::start(&log.over(config.log.clone()))?;
    Ok(serve::run(config, Some(demo), None)?)
}

/// The demo hands out its passwords, so nobody beyond this machine may reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}; write address:port"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the demo listens on loopback only; use `webtrunk run` with a configuration".to_owned())
    }
}

fn is_broken_pipe(failure: &(dyn std::error::Error + 'static)) -> bool {
    failure.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Tells what failed; a configuration's faults name their file themselves.
#[expect(clippy::print_stderr, reason = "this is what the person at the terminal reads")]
fn tell(failure: &(dyn std::error::Error + 'static)) -> ExitCode {
    let fault = failure.downcast_ref::<ConfigError>();
    match fault {
        Some(fault) => eprintln!("{fault}"),
        None => eprintln!("webtrunk: {failure}"),
    }
    if let Some(ServeError::Unsound(_) | ServeError::Collapsed(_)) = failure.downcast_ref() {
        return ExitCode::from(EXIT_UNSOUND);
    }
    match fault {
        Some(ConfigError::Unreadable { .. }) => ExitCode::from(EXIT_UNREADABLE),
        Some(ConfigError::Faulty(_)) | None => ExitCode::from(EXIT_FAULTY),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_stays_on_loopback() {
        assert!(
            Cli::try_parse_from(["webtrunk", "demo", "--http", "127.0.0.1:0", "--sip", "[::1]:0"]).is_ok()
        );
        for arguments in [["--http", "0.0.0.0:8080"], ["--sip", "192.0.2.1:5060"], ["--sip", "5060"]] {
            let all = ["webtrunk", "demo"].into_iter().chain(arguments);
            assert!(Cli::try_parse_from(all).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn arguments_go_before_the_configuration() {
        let cli = Cli::try_parse_from(["webtrunk", "check", "x", "--log", "debug"]).expect("arguments");
        let log = cli.log.over(LogConfig { filter: "info".to_owned(), format: LogFormat::Json });
        assert_eq!(log, LogConfig { filter: "debug".to_owned(), format: LogFormat::Json });
    }
}
