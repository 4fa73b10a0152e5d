// Makes a token for a page, in the C# 7 that Mono compiles too: `sealed KEY_ID AUDIENCE` or `bridge APP`, the account as JSON on standard input.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Security;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

static class Token
{
    const int LifetimeS = 60;

    static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    static string Base64Url(byte[] octets) =>
        Convert.ToBase64String(octets).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    // wt1.KEY_ID.BASE64URL(nonce | AES-256-GCM | tag); what stands before the last dot is authenticated too.
    static string Sealed(string keyId, byte[] key, string audience, JsonElement account)
    {
        long now = Now;
        byte[] claims = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["aud"] = audience, ["iat"] = now, ["exp"] = now + LifetimeS,
            ["jti"] = Base64Url(RandomNumberGenerator.GetBytes(16)), ["account"] = account,
        });
        string head = "wt1." + keyId;
        byte[] nonce = RandomNumberGenerator.GetBytes(12), text = new byte[claims.Length], tag = new byte[16];
        using (var gcm = new AesGcm(key, tag.Length))
        {
            gcm.Encrypt(nonce, claims, text, tag, Encoding.UTF8.GetBytes(head));
        }
        return head + "." + Base64Url(nonce.Concat(text).Concat(tag).ToArray());
    }

    // APP:HEX.MAC, as the web call server has it and a MAC behind it.
    static string Bridge(string app, byte[] key, byte[] macKey, JsonElement account)
    {
        var names = new Dictionary<string, string>
        {
            ["user"] = "login", ["auth_name"] = "authenticationName", ["password"] = "password", ["domain"] = "domain",
            ["outbound_proxy"] = "outboundProxy", ["port"] = "port", ["visible_name"] = "visibleName",
        };
        var xml = new StringBuilder("<root");
        foreach (var member in account.EnumerateObject())
        {
            xml.Append($" {names[member.Name]}=\"{SecurityElement.Escape(member.Value.ToString())}\"");
        }
        xml.Append($" expires=\"{Now + LifetimeS}000000000\"/>");
        byte[] octets = Encoding.UTF8.GetBytes(xml.ToString());
        ApplyCounterMode(key, octets);
        string signed = app + ":" + Convert.ToHexString(octets).ToLowerInvariant();
        byte[] mac = HMACSHA256.HashData(macKey, Encoding.UTF8.GetBytes("gw-token-v1." + signed));
        return signed + "." + Base64Url(mac);
    }

    // .NET has no counter mode: it is the encrypted counter, from zero on, over the text.
    static void ApplyCounterMode(byte[] key, byte[] octets)
    {
        using (var aes = Aes.Create())
        {
            aes.Key = key;
            byte[] counter = new byte[16], stream = counter;
            for (int at = 0; at < octets.Length; at++)
            {
                if (at % 16 == 0)
                {
                    stream = aes.EncryptEcb(counter, PaddingMode.None);
                    for (int digit = 15; digit >= 0 && ++counter[digit] == 0; digit--) { }
                }
                octets[at] ^= stream[at % 16];
            }
        }
    }

    static void Main(string[] arguments)
    {
        JsonElement account = JsonDocument.Parse(Console.In.ReadToEnd()).RootElement;
        byte[] key = Convert.FromHexString(Environment.GetEnvironmentVariable("TOKEN_KEY") ?? "");
        string macKey = Environment.GetEnvironmentVariable("MAC_KEY") ?? "";
        Console.WriteLine(arguments[0] == "sealed"
            ? Sealed(arguments[1], key, arguments[2], account)
            : Bridge(arguments[1], key, Encoding.UTF8.GetBytes(macKey), account));
    }
}
