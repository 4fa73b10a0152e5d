//! Options that several commands share.

use std::error::Error;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use webtrunk_codecs::CodecId;
use webtrunk_codecs::l16::L16Rate;
use webtrunk_loadtest::agent::{Credentials, DigestAlgorithm, SrtpProfile, Trust, Voice, WebrtcConfig};

/// Who an agent is to the server.
#[derive(Debug, Clone, Args)]
pub(super) struct AccountOptions {
    /// User name.
    #[arg(long, default_value = "alice")]
    pub(super) user: String,
    /// File whose first line is the password.
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// Environment variable that holds the password.
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// Hash of the digest that challenges are answered with.
    #[arg(long, value_enum, default_value_t = Digest::Md5)]
    digest: Digest,
    /// Domain of the address of record; by default the server's address.
    #[arg(long)]
    pub(super) domain: Option<String>,
}

/// What an agent says.
#[derive(Debug, Clone, Args)]
pub(super) struct VoiceOptions {
    /// WAV file to say, over and over; by default a tone.
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Frequency of the tone, in Hz.
    #[arg(long, value_name = "HZ", default_value_t = 440, conflicts_with = "audio")]
    tone: u16,
    /// Say nothing.
    #[arg(long, conflicts_with_all = ["audio", "tone"])]
    silent: bool,
}

/// How a WebRTC caller connects.
#[derive(Debug, Clone, Args)]
pub(super) struct WebrtcOptions {
    /// PEM file of the authority that a wss server must be certified by.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Trust any wss server.
    #[arg(long)]
    insecure: bool,
    /// SRTP profiles to offer, best first.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Profile::Cm128, Profile::Gcm128, Profile::Gcm256])]
    srtp: Vec<Profile>,
    /// Insist on being the DTLS client, instead of leaving it to the other end.
    #[arg(long)]
    dtls_client: bool,
    /// Address for media; by default this machine's first that is not loopback.
    #[arg(long, value_name = "IP")]
    media_address: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Digest {
    Md5,
    Sha256,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    /// SRTP_AES128_CM_HMAC_SHA1_80
    #[value(name = "cm128")]
    Cm128,
    /// SRTP_AEAD_AES_128_GCM
    #[value(name = "gcm128")]
    Gcm128,
    /// SRTP_AEAD_AES_256_GCM
    #[value(name = "gcm256")]
    Gcm256,
}

/// A codec by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Codec {
    /// Opus
    Opus,
    /// G.711 u-law
    Pcmu,
    /// G.711 A-law
    Pcma,
    /// G.722
    G722,
    /// Samples as they are, at 16 kHz
    L16,
}

impl AccountOptions {
    /// `None` where no password is given.
    pub(super) fn credentials(&self) -> Result<Option<Credentials>, Box<dyn Error>> {
        let password = match (&self.password_file, &self.password_env) {
            (Some(file), _) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| format!("cannot read the password in {}: {error}", file.display()))?;
                text.lines().next().unwrap_or_default().to_owned()
            }
            (None, Some(name)) => std::env::var(name).map_err(|_| {
                format!("the environment has no variable {name}; export the password under that name")
            })?,
            (None, None) => return Ok(None),
        };
        let mut credentials = Credentials::new(&self.user, &password);
        credentials.algorithm = match self.digest {
            Digest::Md5 => DigestAlgorithm::Md5,
            Digest::Sha256 => DigestAlgorithm::Sha256,
        };
        Ok(Some(credentials))
    }
}

impl VoiceOptions {
    /// The level of the tone, in dBm0.
    const TONE_DBM0: f64 = -10.0;

    pub(super) fn voice(&self) -> Result<Option<Voice>, Box<dyn Error>> {
        if self.silent {
            return Ok(None);
        }
        Ok(Some(match &self.audio {
            Some(file) => Voice::from_wav(file)?,
            None => Voice::tone(self.tone, Self::TONE_DBM0),
        }))
    }
}

impl WebrtcOptions {
    /// Whom a phone over TLS trusts too.
    pub(super) fn trust(&self) -> Trust {
        match &self.ca {
            _ if self.insecure => Trust::Anybody,
            Some(file) => Trust::Authority(file.clone()),
            None => Trust::Nobody,
        }
    }

    /// A caller of this account, which has no password yet, like Chromium where nothing else is said.
    pub(super) fn config(&self, server: &str, account: &AccountOptions) -> WebrtcConfig {
        let mut config = WebrtcConfig::new(server, &account.user, "");
        config.domain.clone_from(&account.domain);
        config.trust = self.trust();
        let profile = |it: &Profile| match it {
            Profile::Cm128 => SrtpProfile::Aes128CmHmacSha1_80,
            Profile::Gcm128 => SrtpProfile::AeadAes128Gcm,
            Profile::Gcm256 => SrtpProfile::AeadAes256Gcm,
        };
        config.profiles = self.srtp.iter().map(profile).collect();
        config.insists_on_dtls_client = self.dtls_client;
        config.media_address = self.media_address;
        config
    }
}

impl Codec {
    pub(super) fn ids(codecs: &[Self]) -> Vec<CodecId> {
        let id = |codec: &Self| match codec {
            Self::Opus => CodecId::Opus,
            Self::Pcmu => CodecId::Pcmu,
            Self::Pcma => CodecId::Pcma,
            Self::G722 => CodecId::G722,
            Self::L16 => CodecId::L16(L16Rate::Wide),
        };
        codecs.iter().map(id).collect()
    }
}
