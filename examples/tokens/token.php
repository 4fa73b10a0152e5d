<?php
// Makes a token for a page: `sealed KEY_ID AUDIENCE` or `bridge APP`, the account as JSON on standard input.
declare(strict_types=1);

const LIFETIME_S = 60;

function base64url(string $octets): string
{
    return rtrim(strtr(base64_encode($octets), '+/', '-_'), '=');
}

// wt1.KEY_ID.BASE64URL(nonce | AES-256-GCM | tag); what stands before the last dot is authenticated too.
function sealed(string $keyId, string $key, string $audience, array $account): string
{
    $now = time();
    $claims = ['aud' => $audience, 'iat' => $now, 'exp' => $now + LIFETIME_S,
        'jti' => base64url(random_bytes(16)), 'account' => $account];
    $head = "wt1.$keyId";
    $nonce = random_bytes(12);
    $sealed = openssl_encrypt(json_encode($claims, JSON_THROW_ON_ERROR), 'aes-256-gcm', $key, OPENSSL_RAW_DATA, $nonce, $tag, $head);
    return "$head." . base64url($nonce . $sealed . $tag);
}

// APP:HEX.MAC, as the web call server has it and a MAC behind it.
function bridge(string $app, string $key, string $macKey, array $account): string
{
    $names = ['user' => 'login', 'auth_name' => 'authenticationName', 'password' => 'password', 'domain' => 'domain',
        'outbound_proxy' => 'outboundProxy', 'port' => 'port', 'visible_name' => 'visibleName'];
    $xml = '<root';
    foreach ($account as $name => $value) {
        $xml .= " $names[$name]=\"" . htmlspecialchars((string) $value, ENT_XML1 | ENT_COMPAT) . '"';
    }
    $xml .= ' expires="' . (time() + LIFETIME_S) . '000000000"/>';
    $signed = "$app:" . bin2hex(openssl_encrypt($xml, 'aes-128-ctr', $key, OPENSSL_RAW_DATA, str_repeat("\0", 16)));
    return "$signed." . base64url(hash_hmac('sha256', "gw-token-v1.$signed", $macKey, true));
}

$account = json_decode(stream_get_contents(STDIN), true, 8, JSON_THROW_ON_ERROR);
$key = hex2bin(getenv('TOKEN_KEY'));
echo $argv[1] === 'sealed' ? sealed($argv[2], $key, $argv[3], $account) : bridge($argv[2], $key, getenv('MAC_KEY'), $account), "\n";
